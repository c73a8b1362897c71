import { z } from 'zod';
import { bothOrNone, duration, flag, pemFile, secretToken } from './fields';
import type { Listen } from '../network/listening';
import { listen, listenOf } from './listen';

/* The section `origin.feed`: where audit lines of the origin's Vault arrive. */

const LEAST_TOKEN = 16;
const FULL_SCAN_EVERY_MS = 15 * 60_000;
const LONGEST_FULL_SCAN_EVERY_MS = 11 * 3_600_000;

const keys = z.strictObject({
  socket: z
    .strictObject({
      listen: listen(
        'address for an audit device of type socket, as host:port. The device has no TLS and no login: use a loopback address or a private network',
      ),
    })
    .prefault({})
    .describe('TCP listener for audit lines'),
  http: z
    .strictObject({
      listen: listen(
        'address for an audit device of type http (OpenBao), or for a program that forwards the audit log; as host:port',
      ),
      token: secretToken('a token as text')
        .refine((token) => token.length >= LEAST_TOKEN, `must have at least ${LEAST_TOKEN} characters`)
        .optional()
        .describe(`token that the sender must present, of at least ${LEAST_TOKEN} characters`),
      certFile: pemFile('PEM file with the certificate of the listener; needs keyFile'),
      keyFile: pemFile('PEM file with the key of certFile'),
    })
    .superRefine(bothOrNone)
    .prefault({})
    .describe('HTTP listener for audit lines'),
  events: flag()
    .default(false)
    .describe('follow the events of the Vault (Vault Enterprise, HCP) instead of audit lines'),
  fullScanEvery: duration(60_000, '1m')
    .refine((ms) => ms <= LONGEST_FULL_SCAN_EVERY_MS, 'must be at most 11h')
    .optional()
    .describe('longest time between two full scans of the origin with a feed; 15m if not given'),
});
type Keys = z.output<typeof keys>;

/** Every key that is given without the one that it needs. */
function checkListeners({ socket, http, events, fullScanEvery }: Keys, context: z.core.$RefinementCtx): void {
  const missing = (path: string[], message: string): void => {
    context.addIssue({ code: 'custom', path, message });
  };
  if (http.listen !== undefined && http.token === undefined)
    missing(['http', 'token'], 'is missing; give a token that the sender must present');
  if (http.listen === undefined && (http.token ?? http.certFile ?? http.keyFile) !== undefined)
    missing(['http', 'listen'], 'is missing; give an address to listen on, such as 127.0.0.1:8210');
  else if (socket.listen === undefined && http.listen === undefined && !events && fullScanEvery !== undefined)
    missing(
      ['fullScanEvery'],
      'has no feed to go with; give socket.listen, http.listen or events, or remove it',
    );
}

/** The feed as the rest of the code sees it; undefined if no listener is given. */
export interface FeedConfig {
  readonly socket?: { readonly listen: Listen };
  readonly http?: {
    readonly listen: Listen;
    readonly token: string;
    readonly certFile?: string | undefined;
    readonly keyFile?: string | undefined;
  };
  readonly events: boolean;
  readonly fullScanEveryMs: number;
}

function feedOf({ socket, http, events, fullScanEvery }: Keys): FeedConfig | undefined {
  if (socket.listen === undefined && http.listen === undefined && !events) return undefined;
  const { listen: httpListen, token = '', ...pair } = http;
  return {
    ...(socket.listen !== undefined && { socket: { listen: listenOf(socket.listen) } }),
    ...(httpListen !== undefined && { http: { listen: listenOf(httpListen), token, ...pair } }),
    events,
    fullScanEveryMs: fullScanEvery ?? FULL_SCAN_EVERY_MS,
  };
}

export const feed = keys
  .superRefine(checkListeners)
  .transform(feedOf)
  .prefault({})
  .describe('listeners that tell the origin which secrets change; off if none is given');
