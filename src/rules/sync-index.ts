import { createHash } from 'node:crypto';
import { z } from 'zod';
import { entryBytes, hashBucket, MAX_BUCKETS, pathHash } from './bucket';
import { SyncInfoError } from './errors';

/** The index of the sync info: the hash of each bucket, in bucket order. */
export type SyncIndex = readonly string[];

const indexSchema = z
  .array(z.string().regex(/^[0-9a-f]{64}$/, 'must be a sha256 in lower-case hex'), 'must be an array')
  .min(1, 'must have at least one bucket')
  .max(MAX_BUCKETS, `must have at most ${MAX_BUCKETS} buckets`);

/**
 * Reads an index from Consul.
 *
 * @throws SyncInfoError that says what is wrong
 */
export function parseIndex(json: string): string[] {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw new SyncInfoError('index', 'it is not JSON');
  }
  const index = indexSchema.safeParse(value);
  if (index.success) return index.data;
  const issue = index.error.issues[0];
  const entry = issue?.path.length ? `hash of bucket ${issue.path.join('.')}: ` : '';
  throw new SyncInfoError('index', `${entry}${issue?.message ?? 'invalid'}`);
}

/** Writes an index as the original writes it to Consul. */
export function serializeIndex(index: SyncIndex): string {
  return JSON.stringify(index);
}

/** The index of `numBuckets` empty buckets: what a destination without sync info starts with. */
export function emptyIndex(numBuckets: number): string[] {
  return new Array<string>(numBuckets).fill(hashBucket(new Map()));
}

/** Names an index by one hash: lower-case hex sha256 of its JSON. Our own; not part of the original's format. */
export function hashOfIndex(index: SyncIndex): string {
  return createHash('sha256').update(serializeIndex(index)).digest('hex');
}

/**
 * The ids of the buckets that differ, ascending. All of the origin's if the destination has no index, or one of
 * another length: then every path may be in another bucket.
 */
export function differingBuckets(origin: SyncIndex, destination: SyncIndex | undefined): number[] {
  const ids = [...origin.keys()];
  if (destination?.length !== origin.length) return ids;
  return ids.filter((id) => origin[id] !== destination[id]);
}

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

/**
 * Names what a destination deals with in one cycle: the hash of the origin's index, and, where the settings of
 * secrets are carried over, "+" and that of their index.
 */
export function consideredOf(index: SyncIndex, settings?: SyncIndex): string {
  const hash = hashOfIndex(index);
  return settings === undefined ? hash : `${hash}+${hashOfIndex(settings)}`;
}

/** Whether it is this index of the origin that was considered, whatever the settings were. */
export function isConsidered(considered: string, index: SyncIndex): boolean {
  return considered.split('+')[0] === hashOfIndex(index);
}
