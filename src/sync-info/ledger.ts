import { inParallel } from '../concurrency/work-pool';
import { isTooLarge } from '../consul/errors';
import type { KeyValueStore, Unchanged, Write } from '../consul/key-value-store';
import { CHECKPOINT_MS, CONSUL_READS } from '../limits';
import { VALUE_CLAIMS, SETTINGS_CLAIMS, type ClaimKind } from '../rules/claims';
import type { Insight } from '../rules/insight';
import type { Fence } from './commits';
import {
  fits,
  readFitting,
  type IndexedBuckets,
  type StoredBucket,
  type StoredIndex,
} from './indexed-buckets';
import { commitInfo, conflict } from './commits';

/*
 * A ledger is what a destination's sync info says that the destination has: for each path a claim. There are two, with
 * the same rules: one of values (insights), one of settings (fingerprints).
 *
 * The order that keeps a claim from saying more than was applied:
 *   1. The indices are read before the work, and every write of a bucket depends on them (Fence).
 *   2. A bucket is trusted only if it fits its index. Otherwise its names stay, and every claim is unverified: the secret
 *      is compared before it counts.
 *   3. A claim is added after the secret has arrived, and taken back before a delete.
 *   4. Buckets are saved by check-and-set while the work goes on (checkpoints), and the index after all of them. It is
 *      made from what the buckets in the store contain, however the cycle ended.
 */

export interface LedgerKind<T> extends ClaimKind<T> {
  /** A bucket that does not exist is an empty one. Else it is written, because an original vsync fails without it. */
  readonly absentIsEmpty: boolean;
}

export const VALUES: LedgerKind<Insight> = { ...VALUE_CLAIMS, absentIsEmpty: false };

/** Most secrets have no settings of their own. */
export const SETTINGS: LedgerKind<string> = { ...SETTINGS_CLAIMS, absentIsEmpty: true };

/** Both sides of a ledger, as read before the work. */
export interface LedgerSides<T> {
  readonly own: IndexedBuckets<T>;
  /** Undefined if there is none, or if it cannot be used: nothing is trusted then. */
  readonly ownIndex: readonly string[] | undefined;
  readonly origin: IndexedBuckets<T>;
  /** Undefined if it cannot be read now. */
  readonly originIndex: readonly string[] | undefined;
}

interface OpenOptions<T> {
  /** The claims where not even the names can be read. */
  readonly ifUnreadable?: () => Map<string, T>;
  /** Saves what has to be saved before the claims. */
  readonly beforeSave?: () => Promise<void>;
}

export class Ledger<T> {
  constructor(
    readonly kind: LedgerKind<T>,
    readonly sides: LedgerSides<T>,
    readonly fence: Fence,
  ) {}

  /** Reads one bucket, the destination's before the origin's. */
  async open(id: number, signal: AbortSignal, options: OpenOptions<T> = {}): Promise<OpenBucket<T>> {
    const { own, origin, originIndex } = this.sides;
    const stored = await readOwnBucket(this.kind, own, id, signal);
    const read = originIndex && (await readFitting(origin, originIndex, id, signal));
    return new OpenBucket(this, id, stored, read, options);
  }
}

async function readOwnBucket<T>(
  { absentIsEmpty }: LedgerKind<T>,
  own: IndexedBuckets<T>,
  id: number,
  signal?: AbortSignal,
): Promise<StoredBucket<T>> {
  const stored = await own.readBucket(id, signal);
  if (!absentIsEmpty || stored.revision !== 0) return stored;
  const bucket = new Map<string, T>();
  return { bucket, hash: own.format.hash(bucket), revision: 0 };
}

/** One bucket of a ledger while its secrets are worked on. */
export class OpenBucket<T> {
  /** Whether the stored bucket fits its index. */
  readonly isTrusted: boolean;
  /** What the stored bucket names, trusted or not. */
  readonly names: ReadonlyMap<string, T>;
  /** What the origin publishes; undefined if it does not fit its index: it is being written (a torn bucket). */
  readonly origin: ReadonlyMap<string, T> | undefined;
  /** The origin's bucket fits the index that was published meanwhile, and not the one from before the work. */
  readonly isNewer: boolean;
  /** There is a bucket that is not trusted: it may have lost names. */
  private readonly isDamaged: boolean;
  private readonly current: Map<string, T>;
  private savedHash: string | undefined;
  private revision: number;
  private savedAtMs = Date.now();
  private saving: Promise<void> = Promise.resolve();

  constructor(
    private readonly ledger: Ledger<T>,
    private readonly id: number,
    stored: StoredBucket<T>,
    read: Awaited<ReturnType<typeof readFitting<T>>>,
    private readonly options: OpenOptions<T>,
  ) {
    const { bucket, hash, revision } = stored;
    this.isTrusted = fits(stored, ledger.sides.ownIndex?.[id]);
    this.isDamaged = !this.isTrusted && revision !== 0;
    this.names = bucket ?? new Map<string, T>();
    this.origin = read?.bucket;
    this.isNewer = read?.isNewer === true;
    this.savedHash = hash;
    this.revision = revision;
    const isReadable = bucket !== undefined && (this.isTrusted || revision !== 0);
    this.current = isReadable ? new Map(bucket) : (options.ifUnreadable?.() ?? new Map<string, T>());
    if (this.isDamaged) for (const path of this.names.keys()) this.unverify(path);
  }

  get claims(): ReadonlyMap<string, T> {
    return this.current;
  }

  /** False if the destination is known to lack the secret: it is then written without a comparison. */
  mayHave(path: string): boolean {
    return this.names.has(path) || this.isDamaged;
  }

  /** To be called after the secret, or its settings, have arrived. */
  claim(path: string, claim: T): void {
    this.current.set(path, claim);
  }

  /** Keeps the name without believing the claim. @param claim where the path is not named yet */
  unverify(path: string, claim: T | undefined = this.current.get(path)): void {
    if (claim !== undefined) this.current.set(path, this.ledger.kind.unverified(claim));
  }

  forget(path: string): void {
    this.current.delete(path);
  }

  /** Saves if the last time is some seconds ago. */
  async checkpoint(): Promise<void> {
    if (Date.now() - this.savedAtMs >= CHECKPOINT_MS) await this.flush();
  }

  /** Saves what changed. @throws ActivityError `Conflict` if another process wrote the bucket or the index */
  flush(): Promise<void> {
    // In turn, because each write needs the revision of the one before.
    this.saving = this.saving.then(() => this.write());
    return this.saving;
  }

  private async write(): Promise<void> {
    this.savedAtMs = Date.now();
    const { sides, fence } = this.ledger;
    const { own } = sides;
    if (own.format.hash(this.current) === this.savedHash) return;
    await fence.mark();
    await this.options.beforeSave?.();
    const hash = own.format.hash(this.current);
    this.revision = await fence.write(own.writeOfBucket(this.id, this.current, this.revision));
    this.savedHash = hash;
  }
}

interface IndexToSave {
  /** The index now. */
  readonly stored: StoredIndex;
  /** Of the index before the work. */
  readonly revision: number;
  readonly numBuckets: number;
  /** Buckets that the cycle may have written. */
  readonly ids: readonly number[];
}

/** The hash of no bucket: the entry of one that cannot be read, so that the next cycle rebuilds it. */
const UNREADABLE = '0'.repeat(64);

/**
 * Saves the index of a ledger, from what its buckets in the store contain. Returns how many keys were written too.
 *
 * @throws ActivityError `Conflict` if another cycle saved in the meantime
 */
export async function saveIndex<T>(
  kind: LedgerKind<T>,
  own: IndexedBuckets<T>,
  { stored, revision, numBuckets, ids }: IndexToSave,
  signal: AbortSignal,
): Promise<{ index: readonly string[]; writes: number }> {
  const before = stored.index?.length === numBuckets ? stored.index : undefined;
  const empty = own.format.hash(new Map());
  const index = [...(before ?? new Array<string>(numBuckets).fill(empty))];
  const seen: Unchanged[] = [];
  let writes = 0;
  const readHash = async (id: number, stop: AbortSignal): Promise<void> => {
    const { hash, revision: current } = await readOwnBucket(kind, own, id, stop);
    index[id] = hash ?? (current === 0 ? empty : UNREADABLE);
    if (hash === undefined && current === 0) {
      await commitInfo(own.store, [own.writeOfBucket(id, new Map(), 0)], stop);
      writes += 1;
    } else seen.push({ key: own.bucketKey(id), revision: current });
  };
  await inParallel(before === undefined ? [...index.keys()] : ids, signal, readHash, CONSUL_READS);
  if (numBuckets === 0 || JSON.stringify(index) === JSON.stringify(stored.index)) return { index, writes };
  if (stored.revision !== revision) throw conflict(own.store, own.indexKey);
  // From here on no earlier cycle can write a bucket. As far as one transaction goes, none has since they were read.
  await commitIndex(own.store, own.writeOfIndex(index, revision), seen, signal);
  return { index, writes: writes + 1 };
}

/** Writes the index while as many of these keys are unchanged as one transaction takes. */
async function commitIndex(
  store: KeyValueStore,
  index: Write,
  seen: readonly Unchanged[],
  signal: AbortSignal,
): Promise<void> {
  const unchanged = seen.slice(0, store.maxOperations - 1);
  try {
    await commitInfo(store, [index], signal, unchanged);
  } catch (error) {
    // An older Consul takes fewer, which is known now.
    if (!isTooLarge(error) || store.maxOperations > unchanged.length) throw error;
    await commitIndex(store, index, seen, signal);
  }
}

/** All paths that the destination's buckets name. @param numBuckets to be read if its index is missing or damaged */
export async function namedPaths<T>(
  own: IndexedBuckets<T>,
  numBuckets: number,
  signal: AbortSignal,
): Promise<string[]> {
  const { index } = await own.readIndex(signal);
  // Only the paths: all claims together would take several times the memory.
  const pathsOf = async (id: number, stop: AbortSignal): Promise<string[]> => [
    ...((await own.readBucket(id, stop)).bucket?.keys() ?? []),
  ];
  const ids = [...new Array<void>(index?.length ?? numBuckets).keys()];
  return (await inParallel(ids, signal, pathsOf, CONSUL_READS)).flat();
}
