import type { z } from 'zod';
import { isTooLarge, StoredInfoError } from '../consul/errors';
import type { KeyValueStore, SizeOfWrite, Unchanged, Write } from '../consul/key-value-store';
import { ActivityError } from '../contract/failures';
import type { SyncInfo } from './sync-info';

/**
 * Reads a key that holds JSON. A missing key has the revision 0.
 *
 * @throws StoredInfoError if it holds something else; `ifDamaged` is what to do then
 */
export async function readJson<T>(
  store: KeyValueStore,
  key: string,
  schema: z.ZodType<T>,
  ifDamaged: string,
  signal?: AbortSignal,
): Promise<{ data: T | undefined; revision: number }> {
  const stored = await store.get(key, signal);
  if (stored === undefined) return { data: undefined, revision: 0 };
  const { success, data } = schema.safeParse(jsonOf(stored.value));
  if (!success) throw new StoredInfoError(store.address, key, ifDamaged);
  return { data, revision: stored.revision };
}

export function jsonOf(value: Buffer): unknown {
  try {
    return JSON.parse(value.toString('utf8')) as unknown;
  } catch {
    return undefined;
  }
}

/** `revisions` is undefined if a key had another revision than expected. */
type AtOnce = { fits: false } | { fits: true; revisions: Map<string, number> | undefined };

/** Writes all or nothing, unless that is more than the store takes in one commit: then nothing is written. */
export async function commitAtOnce(
  store: KeyValueStore,
  writes: readonly Write[],
  signal?: AbortSignal,
): Promise<AtOnce> {
  if (!store.fitsOneCommit(writes)) return { fits: false };
  try {
    return { fits: true, revisions: await store.commit(writes, signal) };
  } catch (error) {
    // The store takes less than was known, and it is known now.
    if (!isTooLarge(error) || store.fitsOneCommit(writes)) throw error;
    return { fits: false };
  }
}

/** The first of these writes, as many as one commit takes: at least one. */
export function firstBatch<T extends SizeOfWrite>(store: KeyValueStore, writes: readonly T[]): T[] {
  let count = 1;
  while (count < writes.length && store.fitsOneCommit(writes.slice(0, count + 1))) count += 1;
  return writes.slice(0, count);
}

/**
 * Writes keys of the destination's info, all of them or none.
 *
 * @throws ActivityError `Conflict` if another cycle wrote one of them, or one of the `unchanged` keys
 */
export async function commitInfo(
  store: KeyValueStore,
  writes: readonly Write[],
  signal: AbortSignal,
  unchanged: readonly Unchanged[] = [],
): Promise<void> {
  if ((await store.commit(writes, signal, unchanged)) === undefined)
    throw conflict(store, writes[0]?.key ?? '');
}

export function conflict(store: KeyValueStore, key: string): ActivityError {
  return new ActivityError(
    'Conflict',
    `Consul ${store.address}: ${key}: another cycle wrote the destination's sync info during this one; the next cycle ` +
      'goes on from there. Is another destination running on this sync path?',
  );
}

/**
 * Keeps a cycle from writing buckets after a later one has saved its index: every write of a bucket is one transaction
 * with the condition that the indices are as they were before the work.
 *
 * It also owns the dirty marker, which exists while a cycle changes buckets that the index does not describe yet. Without
 * it this could go unnoticed: a secret is deleted, the cycle dies, and the delete is undone at the origin.
 */
export class Fence {
  private marking: Promise<unknown> | undefined;

  /** @param indices the first one is that of the insights */
  constructor(
    private readonly info: SyncInfo,
    private readonly indices: readonly Unchanged[],
  ) {}

  /** Writes the dirty marker, once. To be called before the first change of a bucket. A late cycle writes none. */
  async mark(): Promise<void> {
    // Without an index every bucket is processed anyway, and an original vsync fails on what exists before it.
    if (this.indices[0]?.revision === 0) return;
    const marker = { key: this.info.dirtyMarkerKey, value: Buffer.from('{"v":1}'), expect: 0 };
    this.marking ??= this.info.store.commit([marker], undefined, this.indices).catch((error: unknown) => {
      this.marking = undefined; // the next write tries again
      throw error;
    });
    await this.marking;
  }

  /**
   * Writes one bucket. Without the activity's signal: on cancellation this is the last thing to do.
   *
   * @returns its new revision
   * @throws ActivityError `Conflict` if another process wrote the bucket or an index
   */
  async write(write: Write): Promise<number> {
    const { store } = this.info;
    const revision = (await store.commit([write], undefined, this.indices))?.get(write.key);
    if (revision === undefined) throw conflict(store, write.key);
    return revision;
  }
}

/** @returns the revision of the dirty marker; 0 if the last cycle has saved its index */
export async function readDirtyMarker(info: SyncInfo, signal?: AbortSignal): Promise<number> {
  return (await info.store.get(info.dirtyMarkerKey, signal))?.revision ?? 0;
}
