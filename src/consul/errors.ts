import { ExplainedError } from '../errors';
import {
  explainForeignAnswer,
  explainForeignPage,
  explainGateway,
  explainNoAnswer,
  isPlainHttpRefused,
} from '../network/explain';

/** All failures of a request to Consul, as a closed set. */
export type ConsulErrorKind =
  /** 403: the ACL token may not do this. */
  | 'forbidden'
  /** No answer, a timeout, a 429 or a 5xx: the key is unknown. */
  | 'unavailable'
  /** 413: the value or the transaction is over Consul's limit. */
  | 'too-large'
  /** Not an answer of Consul. */
  | 'malformed'
  /** Any other 4xx. */
  | 'rejected'
  | 'cancelled';

/** A failed request to Consul. The message names the Consul and the key; the client library's error is dropped. */
export class ConsulError extends ExplainedError {
  override readonly name = 'ConsulError';
  /** The agent may have refused the connection: with an answer, then nothing was written, or by closing it. */
  refusal?: 'answered' | 'closed';

  constructor(
    readonly kind: ConsulErrorKind,
    readonly address: string,
    readonly key: string,
    detail: string,
  ) {
    super(`Consul ${address}: ${key}: ${detail}`);
  }
}

/** The request exceeds a limit of this Consul. ServerLimits has the limit afterwards. */
export function isTooLarge(error: unknown): error is ConsulError {
  return error instanceof ConsulError && error.kind === 'too-large';
}

/** A key of vsync in Consul with an unexpected value. Nothing is inferred from it, and nothing is deleted. */
export class StoredInfoError extends ExplainedError {
  override readonly name = 'StoredInfoError';

  constructor(
    readonly address: string,
    readonly key: string,
    detail: string,
  ) {
    super(`Consul ${address}: ${key}: ${detail}`);
  }
}

/** An answer of Consul, or of a proxy in between, that is not a success. */
interface Refusal {
  status: number;
  /** Of the body. */
  text: string;
  address: string;
  /** The configured datacenter. */
  dc: string | undefined;
  /** Largest value that this Consul takes, as far as is known. */
  maxValueBytes: number;
}

/** Classes and explains a refusal: what is wrong, and what to do. Consul's own text is not quoted. */
export function classify({ status, text, address, dc, maxValueBytes }: Refusal): [ConsulErrorKind, string] {
  // An HTML page: Consul's own refusals are a line of text, or JSON.
  const isPage = /^\s*</.test(text);
  const foreign = (): [ConsulErrorKind, string] => [
    'malformed',
    explainForeignAnswer({ status, body: text, address, what: 'Consul' }),
  ];
  if (status === 403) return isPage ? foreign() : ['forbidden', explainForbidden(text)];
  // The body is not the JSON that its header announces.
  if (status < 300) return ['malformed', explainForeignPage(address, 'Consul')];
  if (status < 400 || [401, 404, 405, 407, 501].includes(status) || isPlainHttpRefused(text))
    return foreign();
  if (status === 413) {
    const most = `${Math.floor(maxValueBytes / 1024)} KiB`;
    return [
      'too-large',
      `the value or transaction exceeds a limit of this Consul (413; it takes ${most} for a value): raise ` +
        'limits.kv_max_value_size at the agent, or give the origin more buckets (numBuckets)',
    ];
  }
  // Consul answers an invalid key with 500, as an outage.
  if (text.startsWith('invalid key name'))
    return ['rejected', 'Consul refuses a key with a space at its beginning or end; correct syncPath'];
  const passing = explainUnavailable(status, text, dc, isPage);
  if (passing !== undefined) return ['unavailable', passing];
  if (isPage) return foreign();
  return ['rejected', `the request was refused (${status}); check the log of the agent`];
}

/** @returns undefined if the same request will be refused again */
function explainUnavailable(status: number, text: string, dc = '', isPage: boolean): string | undefined {
  // The agent also answers so while it cannot reach the other datacenter: it may pass.
  if (/No path to datacenter/i.test(text)) {
    return (
      `there is no path to the datacenter ${dc}: this agent does not know it, or cannot reach it now; check dc in the ` +
      'configuration, and "consul members -wan" at the agent'
    );
  }
  if (/No cluster leader/i.test(text))
    return `Consul has no leader (${status}): it is electing one, or more than half of its servers are down`;
  const gateway = isPage ? explainGateway(status, 'Consul') : undefined;
  if (gateway !== undefined) return gateway;
  if (status === 429) {
    return (
      'it refuses more requests or connections from this machine (429): see limits.http_max_conns_per_client (200 by ' +
      'default, for all programs on a machine together) and limits.request_limits of the agent'
    );
  }
  return status >= 500 ? `Consul cannot answer now (${status}); check the log of the agent` : undefined;
}

/** Explains a 403: an unknown token, no token, or one without permission. */
function explainForbidden(text: string): string {
  if (/ACL not found/i.test(text)) {
    return (
      'this Consul does not know the token (403, ACL not found): it was removed, has expired, or belongs to another ' +
      'Consul or datacenter; configure another one as consul.token'
    );
  }
  if (/anonymous token/i.test(text))
    return 'permission denied (403): no token is configured, and the anonymous token may not do this; configure one as consul.token';
  return 'permission denied (403); check that this is the address of a Consul agent, and the Consul token and its policy';
}

/** Node's codes for a connection that the other side closed. */
export function isReset(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return code === 'ECONNRESET' || code === 'EPIPE';
}

/** Explains a request without an answer. */
export function describeFailure(error: unknown, timeoutMs: number, address: string): string {
  const { code, isTimeout } = error as { code?: unknown; isTimeout?: unknown };
  if (isTimeout === true) return `no answer within ${Math.round(timeoutMs / 1000)} s`;
  const reached = { what: 'Consul agent', section: 'consul', tls: address.startsWith('https:') };
  const detail = explainNoAnswer(code, reached);
  if (!isReset(error)) return detail;
  return (
    `${detail}; an agent also closes connections beyond its limits.http_max_conns_per_client (200 by default, for all ` +
    'programs on a machine together)'
  );
}
