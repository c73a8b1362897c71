import { entryBytes, pathHash } from './bucket';

/** The most buckets that an origin writes: their index (67 bytes for each) must fit one value of Consul. */
export const MAX_NUM_BUCKETS = 7_000;

/**
 * The smallest number of buckets that keeps each of them within a size: `atLeast` itself, or a power of two above it,
 * or {@link MAX_NUM_BUCKETS}. Powers of two, because every step then halves the buckets, so that the number seldom
 * changes; each change makes all destinations compare all their buckets.
 *
 * Versions and times are not known from a listing: each insight counts as long as one can be, also one of a secret
 * that turns out to be deleted.
 *
 * @param paths data paths
 * @param bucketBytes the most that a bucket may have in Consul
 * @returns undefined if not even the largest number will do
 */
export function numBucketsFor(
  paths: Iterable<string>,
  { atLeast, bucketBytes }: { atLeast: number; bucketBytes: number },
): number | undefined {
  const entries = Array.from(paths, (path) => ({ hash: pathHash(path), bytes: entryBytes(path) }));
  return candidates(atLeast).find((numBuckets) => {
    const sizes = new Float64Array(numBuckets).fill(1); // two braces, and one comma less than entries
    for (const { hash, bytes } of entries) {
      const id = hash % numBuckets;
      sizes[id] = (sizes[id] ?? 0) + bytes;
    }
    return sizes.every((bytes) => bytes <= bucketBytes);
  });
}

function candidates(atLeast: number): number[] {
  const powers = Array.from({ length: 13 }, (_, exponent) => 2 ** exponent);
  return [atLeast, ...[...powers, MAX_NUM_BUCKETS].filter((number) => number > atLeast)];
}
