import type { Unchanged } from '../consul/key-value-store';
import type { SyncInfo } from './sync-info';

/**
 * `<syncPath>destination/unsaved`: there while a cycle changes buckets of which the index does not speak yet.
 *
 * Without it, a cycle that ends without a save would go unnoticed where the origin goes back to what it was: a secret
 * is deleted, the cycle dies, the delete is undone at the origin, and the two old indices are equal again.
 */
export function dirtyMarkerKey({ prefix }: SyncInfo): string {
  return `${prefix}unsaved`;
}

/**
 * To be called before the first change of a bucket. That it is there already is as good.
 *
 * @param indices as they were before the work: somebody who comes late, and may not write any more, leaves no note
 */
export async function setDirtyMarker(info: SyncInfo, indices: readonly Unchanged[]): Promise<void> {
  const note = { key: dirtyMarkerKey(info), value: Buffer.from('{"v":1}'), expect: 0 };
  await info.store.commit([note], undefined, indices);
}

/** @returns its revision; 0 if the last cycle has saved its index */
export async function readDirtyMarker(info: SyncInfo, signal?: AbortSignal): Promise<number> {
  return (await info.store.get(dirtyMarkerKey(info), signal))?.revision ?? 0;
}

/** @param revision as read before the buckets were, so that the note of a later cycle stays */
export async function removeDirtyMarker(
  info: SyncInfo,
  revision: number,
  signal?: AbortSignal,
): Promise<void> {
  if (revision !== 0) await info.store.remove(dirtyMarkerKey(info), revision, signal);
}
