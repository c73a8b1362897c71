import { z } from 'zod';
import { jsonOf } from './store';
import type { Write } from '../consul/key-value-store';
import type { SyncInfo } from './sync-info';

/** Enough of a hash to distinguish two states of one bucket. */
const HASH_CHARS = 16;

const KnownDifferencesSchema = z.object({
  v: z.literal(1),
  /** What the decisions depended on; with other rules, none of them counts. */
  rules: z.string(),
  /** By bucket id: beginning of the origin's hashes, of the destination's, and secrets held back in it. */
  buckets: z.record(z.string(), z.tuple([z.string(), z.string(), z.number().int().min(0)])),
});

/**
 * Buckets that differ from the origin's and are done with nevertheless: they hold secrets that are kept on purpose
 * (`ignoreDeletes`, a path that is not wanted or not listed any more). They need no work before one of the two
 * buckets, or of those with their settings, changes.
 *
 * `<syncPath>destination/settled`. It saves work and decides nothing: buckets are processed if it cannot be read.
 */
export interface KnownDifferences {
  readonly buckets: ReadonlyMap<number, KnownDifference>;
  readonly rules: string;
  /** Of the key; 0 if there is none. */
  readonly revision: number;
}

export interface KnownDifference {
  readonly origin: string;
  readonly own: string;
  readonly held: number;
}

/** What distinguishes two states of one bucket. */
export interface BucketHashes {
  readonly insights: string | undefined;
  /** Undefined if settings are not carried over. */
  readonly settings: string | undefined;
}

export async function readKnownDifferences(info: SyncInfo, signal?: AbortSignal): Promise<KnownDifferences> {
  const stored = await info.store.get(info.knownDifferencesKey, signal);
  const parsed = stored === undefined ? undefined : KnownDifferencesSchema.safeParse(jsonOf(stored.value));
  const revision = stored?.revision ?? 0;
  if (parsed?.success !== true) return { buckets: new Map(), rules: '', revision };
  const { rules, buckets } = parsed.data;
  const entries = Object.entries(buckets).map(([id, [origin, own, held]]): [number, KnownDifference] => [
    Number(id),
    { origin, own, held },
  ]);
  return { buckets: new Map(entries), rules, revision };
}

export function writeOfKnownDifferences(
  info: SyncInfo,
  rules: string,
  buckets: ReadonlyMap<number, KnownDifference>,
  expect: number,
): Write {
  const entries = [...buckets].map(([id, { origin, own, held }]) => [id, [origin, own, held]] as const);
  const value = Buffer.from(JSON.stringify({ v: 1, rules, buckets: Object.fromEntries(entries) }));
  return { key: info.knownDifferencesKey, value, expect };
}

/** Whether nothing happened to a bucket since it was settled. */
export function isKnownDifference(
  settled: KnownDifference | undefined,
  origin: BucketHashes,
  own: BucketHashes,
): boolean {
  return settled !== undefined && settled.origin === shortened(origin) && settled.own === shortened(own);
}

/** @param held secrets of the bucket that are kept on purpose */
export function knownDifference(origin: BucketHashes, own: BucketHashes, held: number): KnownDifference {
  return { origin: shortened(origin), own: shortened(own), held };
}

function shortened({ insights = '', settings }: BucketHashes): string {
  const [first, second] = [insights, settings].map((hash) => hash?.slice(0, HASH_CHARS));
  return second === undefined ? (first ?? '') : `${first ?? ''}+${second}`;
}
