import { posix } from 'node:path';
import { z } from 'zod';
import { TransformError, compileTransforms } from '../rules/transform';
import { cleanPath, dataPath } from '../rules/paths';
import { consul, vault } from './connections';
import { feed } from './feed';
import { checkedText, duration, expecting, flag, hinted, positive, text, type Checked } from './fields';

/* The sections `origin` and `destination`. */

/** For editors, through the JSON Schema. Only {@link normalMount} checks for "." and ".." as parts. */
const MOUNT_PATTERN = '^[^/]+(/[^/]+)*/?$';

/** The mount with one "/" at its end, as vsync names it; or what is wrong with it. */
export function normalMount(mount: string): Checked<string> {
  const value = mount.endsWith('/') ? mount : `${mount}/`;
  if (value.startsWith('/')) return { problem: 'must not begin with "/"' };
  const segments = value.slice(0, -1).split('/');
  if (segments.includes('')) return { problem: 'must not have an empty part between two "/"' };
  if (segments.includes('.') || segments.includes('..'))
    return { problem: 'must not have "." or ".." as a part' };
  return { value };
}

/** Without repeated mounts; "a" and "a/" are the same mount. */
export function distinctMounts(mounts: readonly unknown[]): unknown[] {
  const normal = (mount: unknown): unknown =>
    typeof mount === 'string' ? mount.replace(/\/*$/, '/') : mount;
  const seen = new Set<unknown>();
  return mounts.filter((mount) => !seen.has(normal(mount)) && seen.add(normal(mount)));
}

/** The first of these mounts (in normal form) through which a secret is reachable that an earlier one contains too. */
export function conflictOf(mounts: readonly string[]): { position: number; problem: string } | undefined {
  for (const [position, mount] of mounts.entries()) {
    for (const other of mounts.slice(0, position)) {
      if (mount === other) return { position, problem: 'is in the list twice' };
      if (mount.startsWith(other) || other.startsWith(mount)) {
        return { position, problem: `"${mount}" and "${other}" are nested; Vault has no such mounts` };
      }
      if (dataPath(mount, '') === dataPath(other, '')) {
        return { position, problem: `"${mount}" and "${other}" get the same paths in sync info` };
      }
    }
  }
  return undefined;
}

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

/** Consul redirects some keys to another key, or refuses them: a value would not be found where it was written. */
const syncPath = hinted(text('a path in Consul, such as vsync/'), '^[^/ ]')
  .refine((path) => !path.startsWith('/'), 'must not begin with "/"')
  .refine((path) => !path.includes('//'), 'must not contain "//": Consul would make "/" of it')
  .refine(
    (path) => !path.split('/').some((part) => part === '.' || part === '..'),
    'must not have "." or ".." as a part: Consul would take it for another path',
  )
  .refine(
    (path) => !path.startsWith(' ') && !/\p{C}/u.test(path),
    'must not begin with a space or contain invisible characters: Consul takes no such key',
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
 * Schedules in Temporal count whole seconds. Server 1.29.1 cuts a fraction off without an error (1.9 s would run every
 * second) and refuses less than one second.
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
  numWorkers: positive()
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

/** Durations are milliseconds from here on, and their names show it. */
function withUnits<T extends { tick: number; timeout: number }>({ tick, timeout, ...rest }: T) {
  return { ...rest, tickMs: tick, timeoutMs: timeout };
}

export const originSection = side
  .extend({ feed })
  .transform(({ feed, ...rest }) => ({ ...withUnits(rest), ...(feed && { feed }) }))
  .describe('where secrets come from');

const transforms = z
  .array(
    z.strictObject({
      name: text('a name as text')
        .default('')
        .describe('name in logs and reports; its position in the list if not given'),
      from: text('a regular expression as text')
        .default('')
        .describe(
          'Go (RE2) regular expression with named groups, searched in the data path; without a named group it matches nothing',
        ),
      to: text('a path as text')
        .refine((to) => cleanPath(to) !== '', 'is empty')
        .refine((to) => !leadsOut(to), 'leads out of Vault; remove a ".."')
        .describe(
          'new data path; a part that equals the name of a group is replaced by what the group matched',
        ),
    }),
    expecting('a list of transforms, each with from and to'),
  )
  .superRefine((rules, context) => {
    for (const [position, rule] of rules.entries()) {
      try {
        compileTransforms([rule]);
      } catch (error) {
        if (!(error instanceof TransformError)) throw error;
        context.addIssue({ code: 'custom', path: [position, 'from'], message: error.problem });
      }
    }
  })
  .transform((rules) =>
    rules.map((rule, position) => ({
      ...rule,
      name: rule.name === '' ? `transforms[${position}]` : rule.name,
    })),
  )
  .default([])
  .describe('how paths change on the way to the destination; in order, the first match wins');

/** More ".." than parts before them: with such a path the original sends a request that is not about a secret. */
function leadsOut(to: string): boolean {
  return posix.normalize(`./${to}`).split('/')[0] === '..';
}

export const destinationSection = side
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
