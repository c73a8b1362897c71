import { hash } from 'node:crypto';
import { z } from 'zod';
import { entryBytes, hashBucket, MAX_BUCKETS, parsePart, pathHash, SHA256 } from './bucket';
import { SyncInfoError } from './errors';

/** The index of the sync info: the hash of each bucket, in bucket order. */
export type SyncIndex = readonly string[];

const indexSchema = z
  .array(SHA256, 'must be an array')
  .min(1, 'must have at least one bucket')
  .max(MAX_BUCKETS, `must have at most ${MAX_BUCKETS} buckets`);

/**
 * Reads an index from Consul.
 *
 * @throws SyncInfoError with what is wrong
 */
export function parseIndex(json: string): string[] {
  const index = indexSchema.safeParse(parsePart('index', json));
  if (index.success) return index.data;
  const issue = index.error.issues[0];
  const entry = issue?.path.length ? `hash of bucket ${issue.path.join('.')}: ` : '';
  throw new SyncInfoError('index', `${entry}${issue?.message ?? 'invalid'}`);
}

/** Writes an index as the original writes it to Consul. */
export function serializeIndex(index: SyncIndex): string {
  return JSON.stringify(index);
}

/** The index of `numBuckets` empty buckets: a destination without sync info starts with it. */
export function emptyIndex(numBuckets: number): string[] {
  return new Array<string>(numBuckets).fill(hashBucket(new Map()));
}

/** One hash for an index: lower-case hex sha256 of its JSON. It is not part of the original's format. */
export function hashOfIndex(index: SyncIndex): string {
  return hash('sha256', serializeIndex(index));
}

/**
 * The ids of the buckets that differ, ascending. If the destination has no index, or one of another length, these are all
 * ids of the origin: every path may be in another bucket.
 */
export function differingBuckets(origin: SyncIndex, destination: SyncIndex | undefined): number[] {
  const ids = [...origin.keys()];
  if (destination?.length !== origin.length) return ids;
  return ids.filter((id) => origin[id] !== destination[id]);
}

/** Maximum of buckets that an origin writes: their index must fit one value of a Consul with its default limits. */
export const MAX_NUM_BUCKETS = 7_000;

/** Bytes of one bucket in the index: 64 digits, two quotes and a comma. */
const ENTRY_BYTES = 67;

/** Maximum of buckets whose index fits one value of this size in bytes. */
export function mostBuckets(valueBytes: number): number {
  return Math.max(1, Math.min(MAX_NUM_BUCKETS, Math.floor((valueBytes - 1) / ENTRY_BYTES)));
}

/**
 * The smallest number of buckets that keeps each bucket within a size: `atLeast` itself, or a power of two above it, or
 * `most`. Each power of two halves the buckets, so the number seldom changes. Each change makes all destinations compare
 * all their buckets.
 *
 * A listing has no versions and times. So each insight counts with the longest possible ones, even if its secret turns
 * out to be deleted.
 *
 * @param paths data paths
 * @param bucketBytes maximum size of a bucket in Consul
 * @param most maximum number of buckets
 * @returns undefined if even the largest number is not enough
 */
export function numBucketsFor(
  paths: Iterable<string>,
  { atLeast, bucketBytes, most = MAX_NUM_BUCKETS }: { atLeast: number; bucketBytes: number; most?: number },
): number | undefined {
  const entries = Array.from(paths, (path) => ({ hash: pathHash(path), bytes: entryBytes(path) }));
  return candidates(atLeast, most).find((numBuckets) => {
    const sizes = new Float64Array(numBuckets).fill(1); // two braces, and one comma less than entries
    for (const { hash, bytes } of entries) {
      const id = hash % numBuckets;
      sizes[id] = (sizes[id] ?? 0) + bytes;
    }
    return sizes.every((bytes) => bytes <= bucketBytes);
  });
}

function candidates(atLeast: number, most: number): number[] {
  const powers = Array.from({ length: 13 }, (_, exponent) => 2 ** exponent);
  return [atLeast, ...[...powers, most].filter((number) => number > atLeast && number <= most)];
}

/**
 * The origin version: one text for everything that a destination deals with in one cycle. It is the hash of the origin's
 * index. With `syncMetadata`, "+" and the hash of the index of the settings follow. The state stores it as `considered`.
 */
export function originVersionOf(index: SyncIndex, settings?: SyncIndex): string {
  const insights = hashOfIndex(index);
  return settings === undefined ? insights : `${insights}+${hashOfIndex(settings)}`;
}

/** Whether an origin version is about this index, with any settings. */
export function isVersionOf(version: string, index: SyncIndex): boolean {
  return version.split('+')[0] === hashOfIndex(index);
}
