import { isTooLarge } from '../consul/errors';
import type { KeyValueStore, Unchanged, Write } from '../consul/key-value-store';

/** Whether one commit was enough, and then the new revisions (undefined: a key had another revision than expected). */
export type AtOnce = { fits: false } | { fits: true; revisions: Map<string, number> | undefined };

/** Writes all or nothing, unless that is more than the store takes in one commit: then nothing is written. */
export async function commitAtOnce(
  store: KeyValueStore,
  writes: readonly Write[],
  signal?: AbortSignal,
  unchanged: readonly Unchanged[] = [],
): Promise<AtOnce> {
  if (!store.fitsOneCommit(writes, unchanged)) return { fits: false };
  try {
    return { fits: true, revisions: await store.commit(writes, signal, unchanged) };
  } catch (error) {
    // The store takes less than was known, and it is known now.
    if (!isTooLarge(error) || store.fitsOneCommit(writes, unchanged)) throw error;
    return { fits: false };
  }
}

/** The first of these writes, as many as one commit takes: at least one. */
export function firstBatch(store: KeyValueStore, writes: readonly Write[]): Write[] {
  let count = 1;
  while (count < writes.length && store.fitsOneCommit(writes.slice(0, count + 1))) count += 1;
  return writes.slice(0, count);
}
