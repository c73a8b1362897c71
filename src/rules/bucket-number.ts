import { entryBytes, pathHash } from './bucket';

/** The most buckets that an origin writes: their index must fit one value of a Consul with its default limits. */
export const MAX_NUM_BUCKETS = 7_000;

/** What an index has for each bucket: 64 digits, two quotes and a comma. */
const ENTRY_BYTES = 67;

/** The most buckets whose index fits one value of this size. */
export function mostBuckets(valueBytes: number): number {
  return Math.max(1, Math.min(MAX_NUM_BUCKETS, Math.floor((valueBytes - 1) / ENTRY_BYTES)));
}

/**
 * The smallest number of buckets that keeps each of them within a size: `atLeast` itself, or a power of two above it,
 * or `most`. Powers of two, because every step then halves the buckets, so that the number seldom
 * changes; each change makes all destinations compare all their buckets.
 *
 * Versions and times are not known from a listing: each insight counts as long as one can be, also one of a secret
 * that turns out to be deleted.
 *
 * @param paths data paths
 * @param bucketBytes the most that a bucket may have in Consul
 * @param most buckets that there may be
 * @returns undefined if not even the largest number will do
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
