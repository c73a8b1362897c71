import { createHash } from 'node:crypto';
import { SyncInfoError } from '../rules/bucket';
import { type Ends, dueAtMs, NO_EXPIRY, summaryOf, sumOf, type ExpirySummary } from '../rules/expiry';
import { bytewise, wellFormed } from '../rules/paths';
import { IndexedBuckets, type StoredBucket, readBuckets } from './indexed-buckets';
import { jsonOf } from './store';
import type { KeyValueStore } from '../consul/key-value-store';
import type { SyncInfo } from './sync-info';
import type { Fence } from './fence';

/**
 * When copies end by themselves: `<syncPath>destination/expiries/<bucket id>`, a bucket for each of the sync info that
 * has such copies. Not part of the original's format. There is no index: the state
 * contains the time when the first of them has to be checked.
 */
export class Expiries extends IndexedBuckets<Ends> {
  constructor(store: KeyValueStore, prefix: string) {
    super(store, prefix, { parse, serialize, hash });
  }

  /** There if any copy was ever noted: what a cycle that did not come to save its state is found by. */
  get markKey(): string {
    return `${this.prefix}any`;
  }

  async isMarked(signal?: AbortSignal): Promise<boolean> {
    return (await this.store.get(this.markKey, signal)) !== undefined;
  }

  /** To be called before the first bucket is written. */
  async mark(): Promise<void> {
    // That it is there already is as good.
    await this.store.commit([{ key: this.markKey, value: Buffer.from('{"v":1}'), expect: 0 }]);
  }

  /** Forgets everything: the buckets with these ids, then the mark. */
  async clear(ids: readonly number[], signal: AbortSignal): Promise<void> {
    for (const key of [...ids.map((id) => this.bucketKey(id)), this.markKey]) {
      const stored = await this.store.get(key, signal);
      if (stored !== undefined) await this.store.remove(key, stored.revision, signal);
    }
  }
}

function serialize(bucket: ReadonlyMap<string, Ends>): string {
  const members = [...bucket]
    .sort(([a], [b]) => bytewise(a, b))
    .map(
      ([path, { copy, original }]) =>
        `${JSON.stringify(wellFormed(path))}:${JSON.stringify([copy, original])}`,
    );
  return `{${members.join(',')}}`;
}

/** @throws SyncInfoError */
function parse(json: string): Map<string, Ends> {
  const value = jsonOf(Buffer.from(json));
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new SyncInfoError('list of ends', 'it is not a JSON object of path to times');
  return new Map(
    Object.entries(value as Record<string, unknown>).map(([path, ends]) => {
      const [copy, original] = Array.isArray(ends) ? (ends as unknown[]) : [];
      if (typeof copy !== 'string' || typeof original !== 'string')
        throw new SyncInfoError('list of ends', `${JSON.stringify(path)}: must be two times`);
      return [path, { copy, original }];
    }),
  );
}

function hash(bucket: ReadonlyMap<string, Ends>): string {
  return createHash('sha256').update(serialize(bucket)).digest('hex');
}

/**
 * When the copies of one bucket end, while its secrets are copied. A copy that ends by itself changes neither bucket nor
 * index, so that without this list no cycle would check it.
 *
 * Nothing is read or written for a bucket without such copies.
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
    this.known = { stored, before: summaryOf([stored.bucket ?? new Map()]) };
    return this.known;
  }

  /**
   * Paths whose copies may have ended.
   *
   * @param all as {@link duePaths} takes it
   */
  due(nowMs: number, all: Iterable<string>): string[] {
    return this.known === undefined ? [] : duePaths(this.known.stored, nowMs, all);
  }

  /** @param ends undefined if the copy does not end, or is not wanted any more */
  note(path: string, ends: Ends | undefined): void {
    this.changes.set(path, ends);
  }

  /**
   * Saves the list. To be called before the claims are saved: a claim whose end is not stored would stay.
   *
   * @throws ActivityError `Conflict` if another cycle wrote it
   */
  async save(): Promise<void> {
    const isNews = [...this.changes.values()].some((ends) => ends !== undefined);
    // What is only taken back can wait until the copy would have been checked.
    if (this.known === undefined && !isNews) return;
    const { stored, before } = this.known ?? (await this.read());
    const bucket = new Map(stored.bucket);
    for (const [path, ends] of this.changes) {
      if (ends === undefined) bucket.delete(path);
      else bucket.set(path, ends);
    }
    this.changes.clear();
    if (this.info.format.hash(bucket) === stored.hash || (bucket.size === 0 && stored.revision === 0)) return;
    if (stored.revision === 0) await this.info.mark();
    const revision = await this.fence.write(this.info.writeOfBucket(this.id, bucket, stored.revision));
    const hash = this.info.format.hash(bucket);
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

/** What is noted, and what it came to before this cycle. */
interface Known {
  stored: StoredBucket<Ends>;
  before: ExpirySummary;
}

/** @param all the paths of the bucket: if its list is damaged, each of them is due */
function duePaths({ bucket, revision }: StoredBucket<Ends>, nowMs: number, all: Iterable<string>): string[] {
  if (bucket === undefined) return revision === 0 ? [] : [...all];
  return [...bucket].filter(([, ends]) => dueAtMs(ends) <= nowMs).map(([path]) => path);
}

/** What is noted of all buckets, by their ids. */
export function readAllEnds(
  info: SyncInfo,
  numBuckets: number,
  signal: AbortSignal,
): Promise<Map<number, StoredBucket<Ends>>> {
  const ids = Array.from({ length: numBuckets }, (_, id) => id);
  return readBuckets(info.expiries, ids, signal);
}

/** All that is stored now. A damaged list is due. */
export async function countExpiries(
  { info }: { info: SyncInfo },
  numBuckets: number,
  signal: AbortSignal,
): Promise<ExpirySummary> {
  const lists = await readAllEnds(info, numBuckets, signal);
  return [...lists].map(([id, list]) => summaryOfList(id, list)).reduce(sumOf, NO_EXPIRY);
}

/** The summary of one list. A damaged one that was not written anew is due. */
function summaryOfList(id: number, { bucket, revision }: StoredBucket<Ends>): ExpirySummary {
  const nowMs = Date.now();
  const isDue = (ends: Ends): boolean => dueAtMs(ends) <= nowMs;
  const all = [...(bucket ?? [])];
  const later = summaryOf([new Map(all.filter(([, ends]) => !isDue(ends)))]);
  const { copies, early } = summaryOf([new Map(all)]);
  const hasDue = all.some(([, ends]) => isDue(ends)) || (bucket === undefined && revision !== 0);
  return { ...later, ...(hasDue && { due: [id] }), copies, early };
}

/** Which buckets have copies that may have ended, and what there is besides. */
export interface ExpiredBuckets {
  readonly ids: number[];
  /** Of all buckets: the counts of all copies, the time of those that have not ended yet. */
  readonly all: ExpirySummary;
}

/**
 * Reads the lists: of all buckets, or only of those that are due by the state, while no other is.
 *
 * @param known as in the state; undefined if that cannot be relied on
 */
export async function expiredBuckets(
  { info }: { info: SyncInfo },
  known: ExpirySummary | undefined,
  numBuckets: number,
  signal: AbortSignal,
): Promise<ExpiredBuckets> {
  if (known?.due !== undefined && (known.nextMs ?? Infinity) > Date.now()) {
    const { due, ...all } = known;
    return { ids: due.filter((id) => id < numBuckets), all };
  }
  const { due = [], ...all } = await countExpiries({ info }, numBuckets, signal);
  return { ids: due, all };
}
