import { setTimeout as sleep } from 'node:timers/promises';
import type { IndexedBuckets } from '../../consul/indexed-buckets';

/** The origin writes bucket and index at almost the same time: a bucket that does not fit yet may fit soon. */
const TORN_READ_PAUSE_MS = 200;

/**
 * Reads a bucket of the origin.
 *
 * @returns undefined if it does not fit the index: it is being written, or was read in the middle
 */
export async function readFitting<T>(
  info: IndexedBuckets<T>,
  index: readonly string[],
  id: number,
  signal: AbortSignal,
): Promise<Map<string, T> | undefined> {
  for (const expected of [index[id], undefined]) {
    const stored = await info.readBucket(id, signal);
    const entry = expected ?? (await info.readIndex(signal)).index?.[id];
    if (stored.bucket !== undefined && stored.hash === entry) return stored.bucket;
    if (expected !== undefined) await sleep(TORN_READ_PAUSE_MS, undefined, { signal });
  }
  return undefined;
}
