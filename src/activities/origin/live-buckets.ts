import { fits, type IndexedBuckets, type StoredBucket } from '../../sync-info/indexed-buckets';
import { readBuckets } from '../../sync-info/read-buckets';
import type { StagedBucket } from './manifest';

/** What the live buckets of one chunk hold, and what was known of its paths before. */
export class LiveBuckets<T> {
  private constructor(
    private readonly info: IndexedBuckets<T>,
    private readonly index: readonly string[] | undefined,
    private readonly numBuckets: number,
    private readonly live: ReadonlyMap<number, StoredBucket<T>>,
    /** By data path. Only what fits its index is believed. */
    readonly known: ReadonlyMap<string, T>,
    /** False if some buckets could not be read: of a path that is not `known` there may have been something. */
    readonly complete: boolean,
  ) {}

  /** @param ids the buckets of the chunk, among `numBuckets` */
  static async read<T>(
    info: IndexedBuckets<T>,
    ids: readonly number[],
    numBuckets: number,
    signal: AbortSignal,
  ): Promise<LiveBuckets<T>> {
    const { index } = await info.readIndex(signal);
    const live = await readBuckets(info, ids, signal);
    if (index === undefined) {
      // There may have been info before: its index is damaged or gone, and only buckets are left.
      const isFirst = [...live.values()].every(({ revision }) => revision === 0);
      return new LiveBuckets(info, index, numBuckets, live, new Map(), isFirst);
    }
    // With another number of buckets, a path of this chunk may stand in any of the old ones.
    const old = index.length === numBuckets ? live : await readBuckets(info, [...index.keys()], signal);
    const fitting = [...old].flatMap(([id, stored]) => (fits(stored, index[id]) ? [stored.bucket] : []));
    const known = new Map(fitting.flatMap((bucket) => [...bucket]));
    return new LiveBuckets(info, index, numBuckets, live, known, fitting.length === old.size);
  }

  /** Those of the new buckets that differ from what is live, or from what the index says. */
  changed(buckets: ReadonlyMap<number, ReadonlyMap<string, T>>): StagedBucket[] {
    const changed: StagedBucket[] = [];
    for (const [id, bucket] of buckets) {
      const hash = this.info.format.hash(bucket);
      const stored = this.live.get(id);
      const entry = this.index?.length === this.numBuckets ? this.index[id] : undefined;
      if (stored?.hash === hash && entry === hash) continue;
      const json = stored?.hash === hash ? {} : { json: this.info.format.serialize(bucket) };
      changed.push({ id, hash, revision: stored?.revision ?? 0, ...json });
    }
    return changed;
  }
}
