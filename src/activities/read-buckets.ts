import pLimit from 'p-limit';
import type { IndexedBuckets, StoredBucket } from '../consul/indexed-buckets';
import { CONSUL_READS } from './limits';

/** @returns the buckets as they stand, by id, in the order of the ids */
export async function readBuckets<T>(
  info: IndexedBuckets<T>,
  ids: readonly number[],
  signal: AbortSignal,
): Promise<Map<number, StoredBucket<T>>> {
  const limit = pLimit(CONSUL_READS);
  return new Map(
    await Promise.all(ids.map((id) => limit(async () => [id, await info.readBucket(id, signal)] as const))),
  );
}
