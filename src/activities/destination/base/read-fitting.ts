import { setTimeout as sleep } from 'node:timers/promises';
import type { IndexedBuckets } from '../../../sync-info/indexed-buckets';
import { TORN_READ_PAUSE_MS } from '../../../limits';

/** A bucket of the origin that fits its index. */
export interface Fitting<T> {
  bucket: Map<string, T>;
  /** It fits the index that the origin has published meanwhile, and not the one that was given. */
  isNewer: boolean;
}

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
): Promise<Fitting<T> | undefined> {
  for (const pauseMs of [0, TORN_READ_PAUSE_MS]) {
    await sleep(pauseMs, undefined, { signal });
    const { bucket, hash } = await info.readBucket(id, signal);
    if (bucket === undefined) continue;
    if (hash === index[id]) return { bucket, isNewer: false };
    if (hash === (await info.readIndex(signal)).index?.[id]) return { bucket, isNewer: true };
  }
  return undefined;
}
