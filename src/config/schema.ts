import { z } from 'zod';
import { nameProblem, printableName } from '../contract/ids';
import { MAX_NUM_BUCKETS } from '../rules/bucket';
import { temporal, type consul, type vault } from './connections';
import { expecting, flag, positive, text } from './fields';
import { listen } from './listen';
import { destinationSection, originSection } from './sides';

/*
 * The configuration of both roles: the only source of keys, defaults, checks and descriptions. The loader passes every
 * section, even an empty one, so that a missing key is reported by its own name.
 */

const MAX_DELETES = 'must be a whole number, at least 0, or a share in quotes, such as "10%"';

/** A number of secrets, or a share of those that the destination has. */
const maxDeletes = z
  .union(
    [z.int(MAX_DELETES).min(0, MAX_DELETES), z.string().regex(/^(100|\d{1,2}) ?%$/, MAX_DELETES)],
    MAX_DELETES,
  )
  .optional()
  .describe(
    'deletes of 24 hours that need no approval, as a number or a share; if not given, 10 %, at least 20, and ' +
      'never more than half of the secrets of a mount',
  );

const common = {
  log: z
    .strictObject({
      level: z
        .enum(['debug', 'info', 'warn', 'error'], 'must be debug, info, warn or error')
        .default('info')
        .describe('minimum level to log: debug, info, warn or error; any other word means info'),
      type: z
        .enum(['console', 'json'], 'must be console or json')
        .default('console')
        .describe('format of the log: console or json; any other word means console'),
      changes: flag()
        .default(false)
        .describe(
          'log a line for each secret that is written or deleted at the destination: path, version and cycle, never a value',
        ),
    })
    .prefault({})
    .describe('level, format and content of the log'),
  numBuckets: z
    .union(
      [
        z.int().min(1, 'must be at least 1').max(MAX_NUM_BUCKETS, `must be at most ${MAX_NUM_BUCKETS}`),
        z.literal('auto'),
      ],
      expecting('a whole number from 1 to 7000, or "auto"'),
    )
    .default(1)
    .describe(
      'number of buckets of sync info, or "auto" if no destination is an original vsync; used at the origin only',
    ),
  ignoreDeletes: flag()
    .default(false)
    .describe('do not delete at the destination what the origin has deleted'),
  maxDeletes,
  syncMetadata: flag()
    .default(false)
    .describe('also copy custom_metadata, max_versions, cas_required and delete_version_after'),
  requestsPerSecond: positive()
    .optional()
    .describe('maximum requests per second to each Vault, for the whole process; no limit if not given'),
  metrics: z
    .strictObject({
      listen: listen(
        'address of the worker for Prometheus, as host:port; it serves /metrics without a login. Off if not given',
      ),
    })
    .prefault({})
    .describe('metrics of a worker'),
  temporal,
};

/** Becomes part of ids in Temporal. */
function name(role: 'origin' | 'destination') {
  return text('a name as text')
    .refine((given) => nameProblem(given) === undefined, { error: ({ input }) => nameProblem(String(input)) })
    .transform(printableName)
    .default(role)
    .describe(
      'name of this sync, used in ids; any text. In ids, everything except letters, digits, ".", "_" and "-" is percent-encoded. The role if not given',
    );
}

type Section = z.output<typeof originSection>;

/** Refuses a request timeout that is not shorter than the cycle: the cycle would always end first, without a reason. */
function checkRequestTimeouts(
  sides: { readonly origin: Section; readonly destination?: Section },
  context: z.core.$RefinementCtx,
): void {
  const own = sides.destination === undefined ? 'origin' : 'destination';
  const { timeoutMs } = sides.destination ?? sides.origin;
  const message = `must be shorter than the timeout of a cycle (${own}.timeout)`;
  for (const side of ['origin', 'destination'] as const) {
    for (const server of ['vault', 'consul'] as const) {
      // A side with other problems may lack the key.
      const { requestTimeoutMs } = (sides[side] as Partial<Section> | undefined)?.[server] ?? {};
      if (requestTimeoutMs === undefined || !(requestTimeoutMs >= timeoutMs)) continue;
      context.addIssue({ code: 'custom', path: [side, server, 'requestTimeout'], message });
    }
  }
}

export const originConfigSchema = z
  .strictObject({ name: name('origin'), ...common, origin: originSection })
  .superRefine(checkRequestTimeouts)
  .transform((config) => ({ role: 'origin' as const, ...config }));

export const destinationConfigSchema = z
  .strictObject({
    name: name('destination'),
    ...common,
    origin: originSection,
    destination: destinationSection,
  })
  .superRefine(checkRequestTimeouts)
  .transform((config) => ({ role: 'destination' as const, ...config }));

export type OriginConfig = z.output<typeof originConfigSchema>;
export type DestinationConfig = z.output<typeof destinationConfigSchema>;
export type Config = OriginConfig | DestinationConfig;

export type VaultConfig = z.output<typeof vault>;
export type ConsulConfig = z.output<typeof consul>;

/** Where Consul stores the sync info of a side: "vsync/origin/", "vsync/destination/". */
export function syncInfoPath(config: Config, side: 'origin' | 'destination'): string {
  const section =
    side === 'destination' && config.role === 'destination' ? config.destination : config.origin;
  return `${section.syncPath}${side}/`;
}
