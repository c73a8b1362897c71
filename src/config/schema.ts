import { z } from 'zod';
import { nameProblem, printableName } from '../contract/ids';
import { MAX_NUM_BUCKETS } from '../rules/sync-index';
import { CONSUL_ADDRESS_PATTERN, consulAddress } from './addresses';
import { requestTimeout, checkedText, duration, expecting, flag, hinted, secretToken, text } from './fields';
import { conflictOf, MOUNT_PATTERN, normalMount } from './mounts';
import { temporal } from './temporal-section';
import { bothOrNone, tlsKeys } from './tls-keys';
import { transforms } from './transforms-section';
import { vault } from './vault-section';

/*
 * The configuration of both roles: the single source of keys, defaults, checks and descriptions. The loader
 * hands in an object with every section present, if only as {}; so a missing key is reported by its own name.
 */

/** Connection to one Consul. */
const consul = z
  .strictObject({
    address: checkedText(
      'the address of a Consul agent, such as consul.example.com:8500',
      consulAddress,
      CONSUL_ADDRESS_PATTERN,
    ).describe('Consul agent with the sync info, as host:port or URL'),
    dc: text('the name of a datacenter')
      .optional()
      .describe(
        "datacenter of the sync info; refused if it is not the agent's own and the agent's own has sync info",
      ),
    token: secretToken('an ACL token as text')
      .default('')
      .describe('ACL token; the anonymous token if empty'),
    requestTimeout: requestTimeout().describe('timeout of one request; 10s if not given'),
    ...tlsKeys,
  })
  .superRefine(bothOrNone)
  .transform(({ requestTimeout: requestTimeoutMs, ...rest }) => ({ ...rest, requestTimeoutMs }))
  .describe('Consul that holds the sync info of this side');

const mounts = z
  .array(
    checkedText('a mount as text, such as secret/', normalMount, MOUNT_PATTERN),
    expecting('a list with at least one mount, such as ["secret/"]'),
  )
  .min(1, 'is empty; name at least one mount, such as secret/')
  .superRefine((list, context) => {
    const conflict = conflictOf(list);
    if (conflict) context.addIssue({ code: 'custom', path: [conflict.position], message: conflict.problem });
  })
  .describe('mounts of KV version 2; a missing "/" at the end is added');

/**
 * Consul answers some keys with a redirect to another key, or refuses them, so that nothing would be found where it was
 * written. The original refuses such a path at its start: it does not find the key that it has written.
 */
const syncPath = hinted(text('a path in Consul, such as vsync/'), '^[^/ ]')
  .refine((path) => !path.startsWith('/'), 'must not begin with "/"')
  .refine((path) => !path.includes('//'), 'must not have "//" in it: Consul would make "/" of it')
  .refine(
    (path) => !path.split('/').some((part) => part === '.' || part === '..'),
    'must not have "." or ".." as a part: Consul would take it for another path',
  )
  .refine(
    (path) => !path.startsWith(' ') && !/\p{C}/u.test(path),
    'must not begin with a space, or have characters in it that cannot be seen: Consul takes no such key',
  )
  .transform((path) => (path.endsWith('/') ? path : `${path}/`))
  .default('vsync/')
  .describe('path of the sync info in Consul; a missing "/" at the end is added');

const globs = (what: string) =>
  z
    .array(
      hinted(text('a glob as text, such as secret/team/**'), '^[^/]')
        .min(1, 'is empty')
        .refine(
          (glob) => !glob.startsWith('/'),
          'must not begin with "/"; a path begins with its mount, such as secret/',
        ),
      expecting('a list of globs, such as ["secret/team/**"]'),
    )
    .default([])
    .describe(what);

/**
 * Schedules in Temporal count whole seconds: server 1.29.1 cuts the rest off without an error, so that 1.9 s would run
 * every second, and refuses less than one.
 */
export const TICK_STEP_MS = 1_000;

const side = z.strictObject({
  vault,
  consul,
  mounts,
  syncPath,
  include: globs(
    'globs on paths at the origin, such as secret/team/**: only matching secrets are synced; all if empty',
  ),
  exclude: globs('globs on paths at the origin: matching secrets are not synced; overrides include'),
  numWorkers: z
    .int(expecting('a whole number, at least 1'))
    .min(1, 'must be at least 1')
    .optional()
    .describe(
      'maximum requests in flight to each Vault; adaptive if not given. Folder listings that take longer than 2s do not count; at most as many of them run in addition, and never more than 16',
    ),
  tick: duration(TICK_STEP_MS, '1s', TICK_STEP_MS)
    .prefault('1m')
    .describe('time between two cycles, in whole seconds; a fraction is rounded up'),
  timeout: duration(1, '1ms')
    .prefault('5m')
    .describe(
      'time after which a cycle ends; a destination then keeps what it has copied, an origin publishes nothing',
    ),
  renewToken: flag()
    .default(true)
    .describe(
      'keep the Vault token alive while a worker runs; the log reports a token that cannot be renewed',
    ),
});

interface Durations {
  tick: number;
  timeout: number;
}

/** Durations are milliseconds from here on, and their names say so. */
function withUnits<T extends Durations>({ tick, timeout, ...rest }: T) {
  return { ...rest, tickMs: tick, timeoutMs: timeout };
}

const originSection = side.transform(withUnits).describe('where secrets come from');
const destinationSection = side
  .extend({
    transforms,
    onConflict: z
      .enum(['overwrite', 'keep'], 'must be overwrite or keep')
      .default('overwrite')
      .describe(
        "what to do with another value at the destination that vsync did not write: overwrite it with the origin's, or " +
          'keep it',
      ),
    deleteExcluded: flag()
      .default(false)
      .describe('delete copies at the destination that include or exclude now filter out'),
  })
  .transform(withUnits)
  .describe('where secrets go; ignored by an origin');

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
    })
    .prefault({})
    .describe('level and format of the log'),
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
  requestsPerSecond: z
    .int(expecting('a whole number, at least 1'))
    .min(1, 'must be at least 1')
    .optional()
    .describe('maximum requests per second to each Vault, for the whole process; no limit if not given'),
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

/** A request that may take as long as the cycle would be cut off by it each time, and never say why. */
function checkRequestTimeouts(
  sides: Readonly<Record<string, z.output<typeof originSection> | z.output<typeof destinationSection>>>,
  timeoutMs: number,
  context: z.core.$RefinementCtx,
): void {
  for (const [section, side] of Object.entries(sides)) {
    for (const server of ['vault', 'consul'] as const) {
      // A side with other problems is not whole.
      const requestMs = (side as Partial<typeof side>)[server]?.requestTimeoutMs;
      if (requestMs === undefined || !(requestMs >= timeoutMs)) continue;
      const path = [section, server, 'requestTimeout'];
      context.addIssue({
        code: 'custom',
        path,
        message: `must be shorter than the timeout of a cycle (${Object.keys(sides).at(-1) ?? ''}.timeout)`,
      });
    }
  }
}

export const originConfigSchema = z
  .strictObject({ name: name('origin'), ...common, origin: originSection })
  .superRefine(({ origin }, context) => {
    checkRequestTimeouts({ origin }, origin.timeoutMs, context);
  })
  .transform((config) => ({ role: 'origin' as const, ...config }));

export const destinationConfigSchema = z
  .strictObject({
    name: name('destination'),
    ...common,
    origin: originSection,
    destination: destinationSection,
  })
  .superRefine(({ origin, destination }, context) => {
    checkRequestTimeouts({ origin, destination }, destination.timeoutMs, context);
  })
  .transform((config) => ({ role: 'destination' as const, ...config }));

export type OriginConfig = z.output<typeof originConfigSchema>;
export type DestinationConfig = z.output<typeof destinationConfigSchema>;
export type Config = OriginConfig | DestinationConfig;

/** Connection to one Vault. */
export type VaultConfig = z.output<typeof vault>;
/** Connection to one Consul. */
export type ConsulConfig = z.output<typeof consul>;
/** Connection to Temporal; what is not configured is undefined. */
export type TemporalConfig = z.output<typeof temporal>;

/** Where the sync info of a side stands in Consul: "vsync/origin/", "vsync/destination/". */
export function syncInfoPath(config: OriginConfig, side: 'origin'): string;
export function syncInfoPath(config: DestinationConfig, side: 'origin' | 'destination'): string;
export function syncInfoPath(config: Config, side: 'origin' | 'destination'): string {
  const section =
    side === 'destination' && config.role === 'destination' ? config.destination : config.origin;
  return `${section.syncPath}${side}/`;
}
