import { hash } from 'node:crypto';
import { z } from 'zod';
import type { KeyValueStore } from '../consul/key-value-store';
import { parseEntries, serializeEntries } from '../rules/bucket';
import { type Ends, dueAtMs, NO_EXPIRY, summaryOf, sumOf, type ExpirySummary } from '../rules/expiry';
import type { Fence } from './commits';
import { IndexedBuckets, type StoredBucket, readBuckets } from './indexed-buckets';
import type { SyncInfo } from './sync-info';

const EndsSchema = z
  .tuple([z.string(), z.string()], 'must be two times')
  .transform(([copy, original]): Ends => ({ copy, original }));

const FORMAT = {
  parse: (json: string) => parseEntries('list of ends', json, 'times', EndsSchema),
  serialize: (bucket: ReadonlyMap<string, Ends>) =>
    serializeEntries(new Map([...bucket].map(([path, { copy, original }]) => [path, [copy, original]]))),
  hash: (bucket: ReadonlyMap<string, Ends>) => hash('sha256', FORMAT.serialize(bucket)),
};

/**
 * When copies end by themselves: a bucket for each of the sync info that has such copies, not part of the original's
 * format. There is no index: the state contains the time when the first of them has to be checked.
 */
export class Expiries extends IndexedBuckets<Ends> {
  /** Exists if any copy was ever noted: it shows what a cycle noted that could not save its state. */
  private readonly markKey = `${this.prefix}any`;

  constructor(store: KeyValueStore, prefix: string) {
    super(store, prefix, FORMAT);
  }

  async isMarked(signal?: AbortSignal): Promise<boolean> {
    return (await this.store.get(this.markKey, signal)) !== undefined;
  }

  /** To be called before the first bucket is written. */
  async mark(): Promise<void> {
    // A conflict means that it exists already.
    await this.store.commit([{ key: this.markKey, value: Buffer.from('{"v":1}'), expect: 0 }]);
  }

  /** Removes the buckets with these ids, then the mark. */
  async clear(ids: readonly number[], signal: AbortSignal): Promise<void> {
    for (const key of [...ids.map((id) => this.bucketKey(id)), this.markKey]) {
      const stored = await this.store.get(key, signal);
      if (stored !== undefined) await this.store.remove(key, stored.revision, signal);
    }
  }
}

/** A stored list, and its summary before this cycle. */
interface Known {
  stored: StoredBucket<Ends>;
  before: ExpirySummary;
}

/**
 * When the copies of one bucket end, while its secrets are copied. A copy that ends by itself changes neither bucket nor
 * index, so that without this list no cycle would check it. Nothing is read or written for a bucket without such copies.
 */
export class BucketExpiries {
  private readonly changes = new Map<string, Ends | undefined>();
  private known: Known | undefined;

  constructor(
    private readonly info: Expiries,
    private readonly id: number,
    private readonly fence: Fence,
  ) {}

  /** Reads what earlier cycles noted. */
  async read(signal?: AbortSignal): Promise<Known> {
    const stored = await this.info.readBucket(this.id, signal);
    this.known = { stored, before: summaryOf(stored.bucket?.values() ?? []) };
    return this.known;
  }

  /** Paths whose copies may have ended. @param all the paths of the bucket: due if its list is damaged */
  due(nowMs: number, all: Iterable<string>): string[] {
    if (this.known === undefined) return [];
    const { bucket, revision } = this.known.stored;
    if (bucket === undefined) return revision === 0 ? [] : [...all];
    return [...bucket].filter(([, ends]) => dueAtMs(ends) <= nowMs).map(([path]) => path);
  }

  /** @param ends undefined if the copy does not end, or is not wanted any more */
  note(path: string, ends: Ends | undefined): void {
    this.changes.set(path, ends);
  }

  /** To be called before the claims are saved: a claim whose end is not stored would stay. Throws like {@link Fence.write}. */
  async save(): Promise<void> {
    const isNews = [...this.changes.values()].some((ends) => ends !== undefined);
    // A removed end can wait until the copy would have been checked.
    if (this.known === undefined && !isNews) return;
    const { stored, before } = this.known ?? (await this.read());
    const bucket = new Map(stored.bucket);
    for (const [path, ends] of this.changes) {
      if (ends === undefined) bucket.delete(path);
      else bucket.set(path, ends);
    }
    this.changes.clear();
    const hash = FORMAT.hash(bucket);
    if (hash === stored.hash || (bucket.size === 0 && stored.revision === 0)) return;
    if (stored.revision === 0) await this.info.mark();
    const revision = await this.fence.write(this.info.writeOfBucket(this.id, bucket, stored.revision));
    this.known = { before, stored: { bucket, hash, revision } };
  }

  /** What changed: the counts as differences, the time as it is now. Undefined if nothing was read. */
  changed(): ExpirySummary | undefined {
    if (this.known === undefined) return undefined;
    const { before, stored } = this.known;
    const { copies, early, ...times } = summaryOfList(this.id, stored);
    return { ...times, copies: copies - before.copies, early: early - before.early };
  }
}

/** The ends that are noted in all buckets, by bucket id. */
export function readAllEnds(
  { expiries }: SyncInfo,
  numBuckets: number,
  signal: AbortSignal,
): Promise<Map<number, StoredBucket<Ends>>> {
  return readBuckets(expiries, [...new Array<void>(numBuckets).keys()], signal);
}

export async function countExpiries(
  info: SyncInfo,
  numBuckets: number,
  signal: AbortSignal,
): Promise<ExpirySummary> {
  const lists = await readAllEnds(info, numBuckets, signal);
  return [...lists].map(([id, list]) => summaryOfList(id, list)).reduce(sumOf, NO_EXPIRY);
}

/** The summary of one list. A damaged one that was not written anew is due. */
function summaryOfList(id: number, { bucket, revision }: StoredBucket<Ends>): ExpirySummary {
  const nowMs = Date.now();
  const all = [...(bucket?.values() ?? [])];
  const later = all.filter((ends) => dueAtMs(ends) > nowMs);
  const isDue = later.length < all.length || (bucket === undefined && revision !== 0);
  const { copies, early } = summaryOf(all);
  return { ...summaryOf(later), ...(isDue && { due: [id] }), copies, early };
}

/**
 * Which buckets have copies that may have ended, and a summary of all buckets with the time of those that have not. Reads
 * the lists of all buckets; or none, if the state (`known`) names buckets that are due and no other is due yet.
 */
export async function expiredBuckets(
  info: SyncInfo,
  known: ExpirySummary | undefined,
  numBuckets: number,
  signal: AbortSignal,
): Promise<{ ids: number[]; all: ExpirySummary }> {
  const isCurrent = known?.due !== undefined && (known.nextMs ?? Infinity) > Date.now();
  const { due = [], ...all } = isCurrent ? known : await countExpiries(info, numBuckets, signal);
  return { ids: due.filter((id) => id < numBuckets), all };
}
