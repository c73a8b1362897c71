import type { IndexedBuckets, StoredBucket } from './indexed-buckets';
import { inParallel } from '../concurrency/in-parallel';
import { CONSUL_READS } from '../limits';

/** @returns the buckets as they stand, by id, in the order of the ids */
export async function readBuckets<T>(
  info: IndexedBuckets<T>,
  ids: readonly number[],
  signal: AbortSignal,
): Promise<Map<number, StoredBucket<T>>> {
  const read = async (id: number, stop: AbortSignal): Promise<[number, StoredBucket<T>]> => [
    id,
    await info.readBucket(id, stop),
  ];
  return new Map(await inParallel(ids, signal, read, CONSUL_READS));
}
