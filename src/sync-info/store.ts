import { isTooLarge } from '../consul/errors';
import type { KeyValueStore, Unchanged, Write } from '../consul/key-value-store';
import { ActivityError } from '../contract/failures';

/** What a value in the store says, or undefined if it is not JSON. */
export function jsonOf(value: Buffer): unknown {
  try {
    return JSON.parse(value.toString('utf8')) as unknown;
  } catch {
    return undefined;
  }
}

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

/**
 * Writes keys of the destination's info, all of them or none.
 *
 * @param unchanged keys that must not have been written by another cycle either
 * @returns how many
 * @throws ActivityError `Conflict` if another cycle wrote one of them
 */
export async function commitInfo(
  store: KeyValueStore,
  writes: readonly Write[],
  signal: AbortSignal,
  unchanged: readonly Unchanged[] = [],
): Promise<number> {
  if ((await store.commit(writes, signal, unchanged)) === undefined)
    throw conflict(store, writes[0]?.key ?? '');
  return writes.length;
}

export function conflict(store: KeyValueStore, key: string): ActivityError {
  return new ActivityError(
    'Conflict',
    `Consul ${store.address}: ${key}: another cycle wrote the destination's sync info during this one; the next cycle ` +
      'goes on from there. Is another destination running on this sync path?',
  );
}
