import { hash } from 'node:crypto';
import { bytewise } from './paths';

/** Without `maxDeletes`: a tenth of the secrets, but never fewer than this number. */
const DEFAULT_PERCENT = 10;
const DEFAULT_AT_LEAST = 20;

/** Number of secrets by mount of the origin. */
export type ByMount = ReadonlyMap<string, number>;

export interface DeletePlan {
  /** Secrets that would be deleted. */
  readonly candidates: ByMount;
  /** Secrets that the destination has, by its claims. */
  readonly known: ByMount;
  /** The deletes of the last 24 hours. */
  readonly noted: readonly HourOfDeletes[];
  /** As configured: a number of secrets, or a share of those that the destination has ("10%"). */
  readonly maxDeletes: number | string | undefined;
  /** Whether the origin has no secret at all. */
  readonly originIsEmpty: boolean;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
}

/**
 * The delete guard: why the deletes of a cycle need an approval, all or none; undefined if they may happen. It adds the
 * deletes of a day, so that many small groups of deletes are noticed too.
 */
export function whyHeld(plan: DeletePlan): string | undefined {
  const { candidates, known, maxDeletes, originIsEmpty } = plan;
  const now = sum(candidates.values());
  if (now === 0) return undefined;
  if (originIsEmpty) return `the origin has no secret any more, and ${now} would be deleted`;
  const day = lastDay(plan.noted, plan.nowMs);
  const recent = sum(day.flatMap(({ mounts }) => Object.values(mounts).map(({ deleted }) => deleted)));
  const wanted = now + recent;
  const shown = shownCount(now, recent);
  if (typeof maxDeletes === 'number') {
    return wanted > maxDeletes ? `${shown} are more than maxDeletes, ${maxDeletes}` : undefined;
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
    return `${shown} of ${total} secrets are more than ${allowed} (maxDeletes: ${rule})`;
  }
  return maxDeletes === undefined ? whyMountHeld(candidates, known, day) : undefined;
}

/** Without `maxDeletes`, no mount may lose more than half of its secrets in a day. */
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
    return `${shownCount(count, recent)} are more than half of the ${inMount} secrets in ${mount}`;
  }
  return undefined;
}

function shownCount(now: number, recent: number): string {
  return recent === 0 ? `${now}` : `${now} and the ${recent} of the last 24 hours`;
}

function sum(counts: Iterable<number>): number {
  return [...counts].reduce((total, count) => total + count, 0);
}

/** The deletes of one hour, as the destination's state stores them. */
export interface HourOfDeletes {
  /** Begin of the hour, in milliseconds since 1970. */
  readonly hourMs: number;
  /** By mount of the origin. */
  readonly mounts: Readonly<Record<string, MountHour>>;
}

interface MountHour {
  /** Secrets that were deleted without an approval. */
  readonly deleted: number;
  /** The largest number of secrets that the destination had before these deletes. */
  readonly known: number;
}

/** The deletes of one cycle, by mount of the origin. */
export interface CycleDeletes {
  readonly deleted: Readonly<Record<string, number>>;
  /** Secrets that the destination had before them. */
  readonly known: Readonly<Record<string, number>>;
  /** Whether a person approved them. */
  readonly approved: boolean;
}

const HOUR_MS = 3_600_000;

/**
 * Adds the deletes of a cycle to the stored ones, and drops hours older than a day. Known secrets are stored only with
 * deletes: their number falls by a delete only, so the largest number is the one before it. An approval clears the stored
 * deletes: else the large number before it would allow as many more.
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
  const mountHour = (mount: string): MountHour => ({
    deleted: (before[mount]?.deleted ?? 0) + (deleted[mount] ?? 0),
    known: Math.max(before[mount]?.known ?? 0, known[mount] ?? 0),
  });
  const mounts = Object.fromEntries([...names].map((mount) => [mount, mountHour(mount)]));
  return [...day.filter((hour) => hour.hourMs !== hourMs), { hourMs, mounts }];
}

/** The hours of the last day; an hour that began before counts as a whole. */
export function lastDay(noted: readonly HourOfDeletes[], nowMs: number): HourOfDeletes[] {
  return noted.filter(({ hourMs }) => hourMs > nowMs - 25 * HOUR_MS);
}

/** One hash for a set of paths to delete: an approval is for exactly this set. Lower-case hex sha256. */
export function hashOfDeletes(paths: readonly string[]): string {
  return hash('sha256', [...paths].sort(bytewise).join('\n'));
}
