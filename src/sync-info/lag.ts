import { inParallel } from '../concurrency/work-pool';
import { CONSUL_READS } from '../limits';
import { differingBuckets } from '../rules/bucket';
import type { Insight } from '../rules/insight';
import type { Scope } from '../rules/scope';
import { compareInstants, isLater, readableTime } from '../rules/time';
import { readBuckets, readFitting } from './indexed-buckets';
import { readKnownDifferences, sameInsights } from './known-differences';
import { readDestinationState } from './state';
import type { SyncInfo } from './sync-info';

/*
 * The lag of a destination: how old the oldest change is that the origin has published and the destination has not
 * claimed. It is an upper bound, because a secret is claimed after it has arrived. Computed when it is asked for, from two
 * indices and the buckets that differ; nothing is stored.
 */

export interface Lag {
  /** Age of the oldest change; 0 if nothing is behind, or if the origin's clock is ahead of this one. */
  readonly ms: number;
  /** How many secrets are behind. */
  readonly secrets: number;
  /** When the oldest change was made, by the origin's clock (RFC 3339). Absent if nothing is behind. */
  readonly since?: string;
}

/** The oldest of some changes, by their own times. */
export class OldestChange {
  secrets = 0;
  private oldest: { readonly text: string; readonly ms: number } | undefined;

  /** A time that cannot be read counts the secret only. */
  add({ updateTime }: Insight): void {
    this.secrets += 1;
    const instant = readableTime(updateTime);
    if (instant === undefined) return;
    const known = this.oldest && readableTime(this.oldest.text);
    if (known !== undefined && compareInstants(known, instant) <= 0) return;
    this.oldest = { text: updateTime, ms: instant.seconds * 1000 + Math.floor(instant.nanos / 1e6) };
  }

  /** In milliseconds since the epoch. */
  get ms(): number | undefined {
    return this.oldest?.ms;
  }

  lag(nowMs: number): Lag {
    const { secrets, oldest } = this;
    if (oldest === undefined) return { ms: 0, secrets };
    return { ms: Math.max(0, nowMs - oldest.ms), secrets, since: oldest.text };
  }
}

/** Whether the destination has not claimed this version or a later one. */
export function isBehind(insight: Insight, claim: Insight | undefined): boolean {
  // An unverified claim: it is unknown whether the copy is there.
  if (claim === undefined || claim.version === 0) return true;
  if (claim.version === insight.version && claim.updateTime === insight.updateTime) return false;
  // The origin may have published a later version between two reads.
  return !isLater(claim.updateTime, insight.updateTime);
}

export interface LagSides {
  readonly origin: SyncInfo;
  readonly own: SyncInfo;
  /** A secret that the destination does not copy is not behind. */
  readonly scope: Pick<Scope, 'isToBeCopied'>;
}

/** @returns undefined if the origin has published nothing, or is writing at this moment */
export async function lagOf(
  { origin, own, scope }: LagSides,
  signal: AbortSignal,
  nowMs: () => number = Date.now,
): Promise<Lag | undefined> {
  const { index: ownIndex } = await own.readIndex(signal);
  const { index } = await origin.readIndex(signal);
  if (index === undefined) return undefined;
  const known = await doneBuckets(own, signal);
  const ids = differingBuckets(index, ownIndex).filter((id) => !known(id, index[id], ownIndex?.[id]));
  // With another number of buckets, a claim may be in any of them.
  const isResized = ownIndex !== undefined && ownIndex.length !== index.length;
  const moved = isResized ? await claimsOf(own, [...ownIndex.keys()], signal) : undefined;
  const oldest = new OldestChange();
  const torn: number[] = [];
  const compare = async (id: number, stop: AbortSignal): Promise<void> => {
    const published = await readFitting(origin, index, id, stop);
    if (published === undefined) torn.push(id);
    const claims = moved ?? (await claimsOf(own, [id], stop));
    for (const [path, insight] of published?.bucket ?? [])
      if (isBehind(insight, claims.get(path)) && scope.isToBeCopied(path)) oldest.add(insight);
  };
  await inParallel(ids, signal, compare, CONSUL_READS);
  return torn.length > 0 ? undefined : oldest.lag(nowMs());
}

/** As they are stored: while a cycle copies, it saves claims before its index. */
export async function claimsOf(
  own: SyncInfo,
  ids: readonly number[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Insight>> {
  const stored = await readBuckets(own, ids, signal);
  return new Map([...stored.values()].flatMap(({ bucket }) => [...(bucket ?? [])]));
}

/** Buckets that differ on purpose: the last cycle has left nothing to do in them, and none of the two has changed since. */
export async function doneBuckets(
  own: SyncInfo,
  signal: AbortSignal,
): Promise<(id: number, origin: string | undefined, own: string | undefined) => boolean> {
  const known = await readKnownDifferences(own, signal);
  const { state } = await readDestinationState(own, signal);
  // Noted under another configuration: another one may copy more.
  if (state === undefined || !known.rules.startsWith(state.config)) return () => false;
  return (id, theirs, ours) => sameInsights(known.buckets.get(id), theirs, ours);
}
