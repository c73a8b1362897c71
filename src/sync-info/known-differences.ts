import { z } from 'zod';
import type { Write } from '../consul/key-value-store';
import { jsonOf } from './commits';
import type { SyncInfo } from './sync-info';

/** Enough of a hash to distinguish two states of one bucket. */
const HASH_CHARS = 16;

/** Beginning of the origin's hashes, of the destination's, and secrets held back in the bucket. */
const KnownDifferenceSchema = z
  .tuple([z.string(), z.string(), z.number().int().min(0)])
  .transform(([origin, own, held]) => ({ origin, own, held }));
export type KnownDifference = Readonly<z.infer<typeof KnownDifferenceSchema>>;

const KnownDifferencesSchema = z.object({
  v: z.literal(1),
  /** What the decisions depended on; with other rules, none of them counts. */
  rules: z.string(),
  /** By bucket id. */
  buckets: z.record(z.string(), KnownDifferenceSchema),
});

/**
 * Buckets that differ from the origin's and are done with nevertheless, because they hold secrets that are kept on purpose.
 * They need no work before one of the two buckets, or of those with their settings, changes. That saves work and decides
 * nothing: buckets are processed if it cannot be read.
 */
export interface KnownDifferences {
  readonly buckets: ReadonlyMap<number, KnownDifference>;
  readonly rules: string;
  /** Of the key; 0 if there is none. */
  readonly revision: number;
}

export interface BucketHashes {
  readonly insights: string | undefined;
  /** Undefined if settings are not carried over. */
  readonly settings: string | undefined;
}

export async function readKnownDifferences(info: SyncInfo, signal?: AbortSignal): Promise<KnownDifferences> {
  const stored = await info.store.get(info.knownDifferencesKey, signal);
  const data = stored && KnownDifferencesSchema.safeParse(jsonOf(stored.value)).data;
  const entries = Object.entries(data?.buckets ?? {}).map(([id, known]) => [Number(id), known] as const);
  return { buckets: new Map(entries), rules: data?.rules ?? '', revision: stored?.revision ?? 0 };
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

/** Whether nothing happened to a bucket since its difference was noted. */
export function isKnownDifference(
  known: KnownDifference | undefined,
  origin: BucketHashes,
  own: BucketHashes,
): boolean {
  return known !== undefined && known.origin === shortened(origin) && known.own === shortened(own);
}

/** The same for the values alone, whatever happened to the settings. */
export function sameInsights(
  known: KnownDifference | undefined,
  origin: string | undefined,
  own: string | undefined,
): boolean {
  const of = (noted: string): string => noted.split('+')[0] ?? '';
  const hashes = (insights: string | undefined): string => shortened({ insights, settings: undefined });
  return known !== undefined && of(known.origin) === hashes(origin) && of(known.own) === hashes(own);
}

/** @param held secrets of the bucket that are kept on purpose */
export function knownDifference(origin: BucketHashes, own: BucketHashes, held: number): KnownDifference {
  return { origin: shortened(origin), own: shortened(own), held };
}

function shortened({ insights = '', settings }: BucketHashes): string {
  const first = insights.slice(0, HASH_CHARS);
  return settings === undefined ? first : `${first}+${settings.slice(0, HASH_CHARS)}`;
}
