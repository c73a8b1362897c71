import { createHash } from 'node:crypto';
import { bytewise } from './paths';

/** `maxDeletes` as configured: a number of secrets, or a share of those that the destination has ("10%"). */
export type MaxDeletes = number | string;

/** Without `maxDeletes`: a tenth of the secrets; below this many nobody is asked. */
const DEFAULT_PERCENT = 10;
const DEFAULT_AT_LEAST = 20;

/** Secrets of the origin's mounts: how many of them in each. */
export type ByMount = ReadonlyMap<string, number>;

/** What the guard has to know. */
export interface DeletePlan {
  /** Secrets that are to be deleted. */
  readonly candidates: ByMount;
  /** Secrets that the destination is known to have. */
  readonly known: ByMount;
  /** What is noted of the last 24 hours. */
  readonly noted: readonly HourOfDeletes[];
  readonly maxDeletes: MaxDeletes | undefined;
  /** The origin has no secret at all. */
  readonly originIsEmpty: boolean;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
}

/**
 * Whether so many deletes may happen without a person having looked. All or none: which of them would be the
 * right ones nobody can tell. Summed over a day, against the most secrets that were there in that day: a drip is seen.
 *
 * @returns why not, or undefined if they may
 */
export function whyHeld(plan: DeletePlan): string | undefined {
  const { candidates, known, maxDeletes, originIsEmpty } = plan;
  const now = sum(candidates.values());
  if (now === 0) return undefined;
  if (originIsEmpty) return `the origin has no secret any more, and ${now} would be deleted`;
  const day = lastDay(plan.noted, plan.nowMs);
  const recent = sum(day.flatMap(({ mounts }) => Object.values(mounts).map(({ deleted }) => deleted)));
  const wanted = now + recent;
  const told = recent === 0 ? `${now}` : `${now} and the ${recent} of the last 24 hours`;
  if (typeof maxDeletes === 'number') {
    return wanted > maxDeletes ? `${told} are more than maxDeletes, ${maxDeletes}` : undefined;
  }
  const total = Math.max(
    sum(known.values()),
    ...day.map(({ mounts }) => sum(Object.values(mounts).map((mount) => mount.known))),
  );
  const percent = maxDeletes === undefined ? DEFAULT_PERCENT : Number.parseInt(maxDeletes, 10);
  const share = Math.floor((total * percent) / 100);
  const allowed = maxDeletes === undefined ? Math.max(share, DEFAULT_AT_LEAST) : share;
  if (wanted > allowed) {
    const rule = maxDeletes === undefined ? `${percent} %, at least ${DEFAULT_AT_LEAST}` : `${percent} %`;
    return `${told} of ${total} secrets are more than ${allowed} (maxDeletes: ${rule})`;
  }
  return maxDeletes === undefined ? whyMountHeld(candidates, known, day) : undefined;
}

/** No mount loses more than half of its secrets in a day. */
function whyMountHeld(
  candidates: ByMount,
  known: ByMount,
  day: readonly HourOfDeletes[],
): string | undefined {
  for (const [mount, count] of candidates) {
    const hours = day.flatMap(({ mounts }) => mounts[mount] ?? []);
    const recent = sum(hours.map(({ deleted }) => deleted));
    const inMount = Math.max(known.get(mount) ?? 0, ...hours.map((hour) => hour.known));
    if ((count + recent) * 2 <= inMount) continue;
    const told = recent === 0 ? `${count}` : `${count} and the ${recent} of the last 24 hours`;
    return `${told} are more than half of the ${inMount} secrets in ${mount}`;
  }
  return undefined;
}

function sum(counts: Iterable<number>): number {
  return [...counts].reduce((total, count) => total + count, 0);
}

/** What happened in one hour, as the destination's state notes it. */
export interface HourOfDeletes {
  /** Milliseconds since 1970 of its beginning. */
  readonly hourMs: number;
  /** By mount of the origin. */
  readonly mounts: Readonly<Record<string, MountHour>>;
}

interface MountHour {
  /** Secrets that were deleted without an approval. */
  readonly deleted: number;
  /** The most secrets that the destination was known to have before these deletes. */
  readonly known: number;
}

/** The deletes of one cycle, by mount of the origin. */
export interface CycleDeletes {
  readonly deleted: Readonly<Record<string, number>>;
  /** What the destination was known to have before them. */
  readonly known: Readonly<Record<string, number>>;
  /** A person has looked at them. */
  readonly approved: boolean;
}

const HOUR_MS = 3_600_000;

/**
 * Adds the deletes of a cycle to what is noted, and drops what is older than a day. Known secrets are noted only
 * where some are deleted: their number falls by a delete only, so that the largest one stands right before it.
 * After an approval the notes begin again with what it left: else the many that were there would allow as many more.
 */
export function noteDeletes(
  noted: readonly HourOfDeletes[],
  { deleted, known, approved }: CycleDeletes,
  nowMs: number,
): HourOfDeletes[] {
  if (sum(Object.values(deleted)) === 0) return lastDay(noted, nowMs);
  if (approved) return [];
  const hourMs = Math.floor(nowMs / HOUR_MS) * HOUR_MS;
  const day = lastDay(noted, nowMs);
  const before = day.find((hour) => hour.hourMs === hourMs)?.mounts ?? {};
  const names = new Set([...Object.keys(before), ...Object.keys(known), ...Object.keys(deleted)]);
  const mounts = Object.fromEntries(
    [...names].map((mount): [string, MountHour] => [
      mount,
      {
        deleted: (before[mount]?.deleted ?? 0) + (deleted[mount] ?? 0),
        known: Math.max(before[mount]?.known ?? 0, known[mount] ?? 0),
      },
    ]),
  );
  return [...day.filter((hour) => hour.hourMs !== hourMs), { hourMs, mounts }];
}

/** The hours of the last day; one that has begun before counts as a whole. */
export function lastDay(noted: readonly HourOfDeletes[], nowMs: number): HourOfDeletes[] {
  return noted.filter(({ hourMs }) => hourMs > nowMs - 25 * HOUR_MS);
}

/** Names a set of paths that are to be deleted: an approval is for exactly this set. Lower-case hex sha256. */
export function hashOfDeletes(paths: readonly string[]): string {
  return createHash('sha256')
    .update([...paths].sort(bytewise).join('\n'))
    .digest('hex');
}
