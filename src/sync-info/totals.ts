import { inParallel } from '../concurrency/work-pool';
import { CONSUL_READS } from '../limits';
import type { Insight } from '../rules/insight';
import { readFitting } from './indexed-buckets';
import { claimsOf, doneBuckets, isBehind, type LagSides } from './lag';
import type { SyncInfo } from './sync-info';

/* How many secrets are in which situation, from sync info alone: no Vault is asked. */

/** Secrets of a destination, as far as sync info shows. */
export interface Totals {
  /** Claimed in the version that the origin has published. */
  inStep: number;
  /** Published and not claimed. */
  toAdd: number;
  /** Claimed in an older version, or unverified. */
  toUpdate: number;
  /** Claimed and no longer published: they go, wait for an approval, or turn out to be kept. */
  toDelete: number;
  /** Claimed, and kept on purpose although the origin no longer publishes them or a filter excludes them. */
  retained: number;
}

/** Number of secrets in a bucket, by its hash. A later call reads only buckets that have changed. */
export type KnownSizes = Map<string, number>;

/** @returns the secrets that an origin has published; undefined if it has published nothing, or is writing now */
export async function publishedSecrets(
  origin: SyncInfo,
  signal: AbortSignal,
  sizes: KnownSizes = new Map(),
): Promise<number | undefined> {
  const { index } = await origin.readIndex(signal);
  if (index === undefined) return undefined;
  const found = await sizesOf(origin, index, [...index.keys()], sizes, signal);
  return found?.reduce((sum, size) => sum + size, 0);
}

/** @returns undefined if the origin has published nothing, or is writing at this moment */
export async function totalsOf(
  sides: LagSides,
  signal: AbortSignal,
  sizes: KnownSizes = new Map(),
): Promise<Totals | undefined> {
  const { origin, own } = sides;
  const { index: ownIndex } = await own.readIndex(signal);
  const { index } = await origin.readIndex(signal);
  if (index === undefined) return undefined;
  // With another number of buckets, a claim may be in any of them.
  if (ownIndex !== undefined && ownIndex.length !== index.length)
    return totalsOfResized(sides, index, ownIndex, signal);
  const isDone = await doneBuckets(own, signal);
  const ids = [...index.keys()];
  const isSame = (id: number): boolean => ownIndex?.[id] === index[id];
  const same = await sizesOf(origin, index, ids.filter(isSame), sizes, signal);
  const compare = async (id: number, stop: AbortSignal): Promise<Totals | undefined> => {
    const published = (await readFitting(origin, index, id, stop))?.bucket;
    const claims = await claimsOf(own, [id], stop);
    return published && countBucket(published, claims, sides.scope, isDone(id, index[id], ownIndex?.[id]));
  };
  const others = await inParallel(
    ids.filter((id) => !isSame(id)),
    signal,
    compare,
    CONSUL_READS,
  );
  const equal = same && { ...NONE, inStep: same.reduce((sum, size) => sum + size, 0) };
  return sumOf([equal, ...others]);
}

async function totalsOfResized(
  { origin, own, scope }: LagSides,
  index: readonly string[],
  ownIndex: readonly string[],
  signal: AbortSignal,
): Promise<Totals | undefined> {
  const claims = await claimsOf(own, [...ownIndex.keys()], signal);
  const read = async (id: number, stop: AbortSignal) => (await readFitting(origin, index, id, stop))?.bucket;
  const buckets = await inParallel([...index.keys()], signal, read, CONSUL_READS);
  const known = buckets.filter((bucket) => bucket !== undefined);
  if (known.length < buckets.length) return undefined;
  return countBucket(new Map(known.flatMap((bucket) => [...bucket])), claims, scope, false);
}

const NONE: Totals = { inStep: 0, toAdd: 0, toUpdate: 0, toDelete: 0, retained: 0 };

/** @returns undefined if one part is unknown */
function sumOf(parts: readonly (Totals | undefined)[]): Totals | undefined {
  const sum = { ...NONE };
  for (const part of parts) {
    if (part === undefined) return undefined;
    for (const key of Object.keys(NONE) as (keyof Totals)[]) sum[key] += part[key];
  }
  return sum;
}

/** @param isDone a cycle has left nothing to do in it: what differs there differs on purpose */
function countBucket(
  published: ReadonlyMap<string, Insight>,
  claims: ReadonlyMap<string, Insight>,
  scope: LagSides['scope'],
  isDone: boolean,
): Totals {
  const counts = { ...NONE };
  for (const [path, insight] of published) {
    if (!scope.isToBeCopied(path)) continue;
    const claim = claims.get(path);
    if (!isBehind(insight, claim)) counts.inStep += 1;
    else if (claim === undefined) counts.toAdd += 1;
    else counts.toUpdate += 1;
  }
  if (isDone) return { ...NONE, inStep: counts.inStep, retained: claims.size - counts.inStep };
  for (const path of claims.keys()) if (!published.has(path)) counts.toDelete += 1;
  return counts;
}

/** @returns undefined if a bucket does not fit */
async function sizesOf(
  info: SyncInfo,
  index: readonly string[],
  ids: readonly number[],
  sizes: KnownSizes,
  signal: AbortSignal,
): Promise<number[] | undefined> {
  const read = async (id: number, stop: AbortSignal): Promise<number | undefined> => {
    const hash = index[id] ?? '';
    const size = sizes.get(hash) ?? (await readFitting(info, index, id, stop))?.bucket.size;
    if (size !== undefined) sizes.set(hash, size);
    return size;
  };
  const found = await inParallel(ids, signal, read, CONSUL_READS);
  const known = found.filter((size) => size !== undefined);
  return known.length === found.length ? known : undefined;
}
