import type { Unchanged, Write } from '../consul/key-value-store';
import { conflict } from './store';
import type { SyncInfo } from './sync-info';

/**
 * Keeps a cycle from writing buckets after a later one has saved its index: every write of a bucket is one transaction
 * with the condition that the indices are as they were before the work.
 *
 * It also owns the dirty marker, `<syncPath>destination/unsaved`: that key exists while a cycle changes buckets which the
 * index does not describe yet. Without it, a cycle that ends without a save could go unnoticed. Example: a secret is
 * deleted, the cycle dies, the delete is undone at the origin, and the two old indices are equal again.
 */
export class Fence {
  private marking: Promise<void> | undefined;

  /** @param indices the first one is that of the insights */
  constructor(
    private readonly info: SyncInfo,
    private readonly indices: readonly Unchanged[],
  ) {}

  /**
   * Writes the dirty marker, once. To be called before the first change of a bucket. It may exist already. A late cycle,
   * which may not write any more, leaves none.
   */
  mark(): Promise<void> {
    // Without an index every bucket is processed anyway, and an original vsync fails on what exists before it.
    if (this.indices[0]?.revision === 0) return Promise.resolve();
    this.marking ??= this.writeMarker().catch((error: unknown) => {
      this.marking = undefined; // the next write tries again
      throw error;
    });
    return this.marking;
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

  private async writeMarker(): Promise<void> {
    const marker = { key: dirtyMarkerKey(this.info), value: Buffer.from('{"v":1}'), expect: 0 };
    await this.info.store.commit([marker], undefined, this.indices);
  }
}

function dirtyMarkerKey({ prefix }: SyncInfo): string {
  return `${prefix}unsaved`;
}

/** @returns the revision of the dirty marker; 0 if the last cycle has saved its index */
export async function readDirtyMarker(info: SyncInfo, signal?: AbortSignal): Promise<number> {
  return (await info.store.get(dirtyMarkerKey(info), signal))?.revision ?? 0;
}

/** @param revision as read before the buckets were, so that the marker of a later cycle stays */
export async function removeDirtyMarker(
  info: SyncInfo,
  revision: number,
  signal?: AbortSignal,
): Promise<void> {
  if (revision !== 0) await info.store.remove(dirtyMarkerKey(info), revision, signal);
}
