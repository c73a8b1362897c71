import type { KeyValueStore, Unchanged, Write } from '../../../consul/key-value-store';
import { ActivityError } from '../../../contract/failures';

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
