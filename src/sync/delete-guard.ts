import { createHash } from 'node:crypto';
import { bytewise } from './paths';

/** `maxDeletes` as configured: a number of secrets, or a share of those that the destination has ("10%"). */
export type MaxDeletes = number | string;

/** Without `maxDeletes`: a tenth of the secrets; below this many nobody is asked. */
const DEFAULT_PERCENT = 10;
const DEFAULT_AT_LEAST = 20;

/** What the guard has to know. */
export interface DeletePlan {
  /** Secrets that are to be deleted: how many of them in each mount. */
  readonly candidates: ReadonlyMap<string, number>;
  /** Secrets that the destination is known to have, by the same mounts. */
  readonly known: ReadonlyMap<string, number>;
  readonly maxDeletes: MaxDeletes | undefined;
  /** The origin has no secret at all. */
  readonly originIsEmpty: boolean;
}

/**
 * Whether so many deletes may happen without a person having looked. All or none: which of them would be the
 * right ones nobody can tell.
 *
 * @returns why not, or undefined if they may
 */
export function whyHeld({ candidates, known, maxDeletes, originIsEmpty }: DeletePlan): string | undefined {
  const wanted = sum(candidates);
  const total = sum(known);
  if (wanted === 0) return undefined;
  if (originIsEmpty) return `the origin has no secret any more, and ${wanted} would be deleted`;
  if (typeof maxDeletes === 'number') {
    return wanted > maxDeletes ? `${wanted} are more than maxDeletes, ${maxDeletes}` : undefined;
  }
  const percent = maxDeletes === undefined ? DEFAULT_PERCENT : Number.parseInt(maxDeletes, 10);
  const share = Math.floor((total * percent) / 100);
  const allowed = maxDeletes === undefined ? Math.max(share, DEFAULT_AT_LEAST) : share;
  if (wanted > allowed)
    return `${wanted} of ${total} secrets are more than ${allowed} (maxDeletes, ${percent} %)`;
  if (maxDeletes !== undefined) return undefined;
  for (const [mount, count] of candidates) {
    const inMount = known.get(mount) ?? 0;
    if (count * 2 > inMount) return `${count} are more than half of the ${inMount} secrets in ${mount}`;
  }
  return undefined;
}

function sum(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((total, count) => total + count, 0);
}

/** Names a set of paths that are to be deleted: an approval is for exactly this set. Lower-case hex sha256. */
export function hashOfDeletes(paths: readonly string[]): string {
  return createHash('sha256')
    .update([...paths].sort(bytewise).join('\n'))
    .digest('hex');
}
