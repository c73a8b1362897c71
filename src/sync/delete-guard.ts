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
  /** Secrets that were deleted in the last 24 hours without an approval. */
  readonly recent: number;
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
export function whyHeld({
  candidates,
  known,
  recent,
  maxDeletes,
  originIsEmpty,
}: DeletePlan): string | undefined {
  const now = sum(candidates);
  if (now === 0) return undefined;
  if (originIsEmpty) return `the origin has no secret any more, and ${now} would be deleted`;
  // Summed over a day, and against what there was before them: a drip is seen.
  const wanted = now + recent;
  const total = sum(known) + recent;
  const told = recent === 0 ? `${now}` : `${now} and the ${recent} of the last 24 hours`;
  if (typeof maxDeletes === 'number') {
    return wanted > maxDeletes ? `${told} are more than maxDeletes, ${maxDeletes}` : undefined;
  }
  const percent = maxDeletes === undefined ? DEFAULT_PERCENT : Number.parseInt(maxDeletes, 10);
  const share = Math.floor((total * percent) / 100);
  const allowed = maxDeletes === undefined ? Math.max(share, DEFAULT_AT_LEAST) : share;
  if (wanted > allowed) {
    const rule = maxDeletes === undefined ? `${percent} %, at least ${DEFAULT_AT_LEAST}` : `${percent} %`;
    return `${told} of ${total} secrets are more than ${allowed} (maxDeletes: ${rule})`;
  }
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

/** Deletes of one hour, as the destination's state notes them. */
export interface HourOfDeletes {
  /** Milliseconds since 1970 of its beginning. */
  readonly hourMs: number;
  readonly count: number;
}

const HOUR_MS = 3_600_000;

/** Adds deletes to what is noted, and drops what is older than a day. */
export function noteDeletes(noted: readonly HourOfDeletes[], count: number, nowMs: number): HourOfDeletes[] {
  const hourMs = Math.floor(nowMs / HOUR_MS) * HOUR_MS;
  const kept = noted.filter((hour) => hour.hourMs > nowMs - 25 * HOUR_MS);
  if (count === 0) return kept;
  const before = kept.find((hour) => hour.hourMs === hourMs)?.count ?? 0;
  return [...kept.filter((hour) => hour.hourMs !== hourMs), { hourMs, count: before + count }];
}

/** How many were noted in the last day; an hour that has begun before counts as a whole. */
export function recentDeletes(noted: readonly HourOfDeletes[], nowMs: number): number {
  return noteDeletes(noted, 0, nowMs).reduce((sum, { count }) => sum + count, 0);
}

/** Names a set of paths that are to be deleted: an approval is for exactly this set. Lower-case hex sha256. */
export function hashOfDeletes(paths: readonly string[]): string {
  return createHash('sha256')
    .update([...paths].sort(bytewise).join('\n'))
    .digest('hex');
}
