import { SyncInfoError, parseIndex, serializeIndex } from '../rules/bucket';
import type { Insight } from '../rules/insight';
import type { KeyValueStore, Write } from '../consul/key-value-store';
import { inParallel } from '../concurrency/work-pool';
import { CONSUL_READS, TORN_READ_PAUSE_MS } from '../limits';
import { setTimeout as sleep } from 'node:timers/promises';

/** An index as it is stored. */
export interface StoredIndex {
  /** Bucket hashes, in bucket order; undefined if the key is missing or does not hold an index. */
  index: string[] | undefined;
  /** What is wrong with it, if it is there but does not hold an index. */
  problem?: string;
  /** 0 if the key is missing. */
  revision: number;
}

/** A bucket as it is stored: of insights, or of something else that is known of each path. */
export interface StoredBucket<T = Insight> {
  /** What it contains; undefined if the key is missing or does not hold a bucket. */
  bucket: Map<string, T> | undefined;
  /** Hash of what it contains; undefined if there is no bucket. */
  hash: string | undefined;
  /** What is wrong with it, if it is there but does not hold a bucket. */
  problem?: string;
  /** 0 if the key is missing. */
  revision: number;
}

/** A bucket that is what its index says. */
type FittingBucket<T> = StoredBucket<T> & { bucket: Map<string, T>; hash: string };

/**
 * Whether a bucket is what its index says. One that is not there fits no entry, and no bucket fits a missing entry.
 *
 * @param entry of the index
 */
export function fits<T>(
  stored: StoredBucket<T> | undefined,
  entry: string | undefined,
): stored is FittingBucket<T> {
  return stored?.hash !== undefined && stored.hash === entry;
}

/** How the buckets of one kind are written; `parse` throws {@link SyncInfoError}. */
export interface BucketFormat<T> {
  readonly parse: (json: string) => Map<string, T>;
  readonly serialize: (bucket: ReadonlyMap<string, T>) => string;
  readonly hash: (bucket: ReadonlyMap<string, T>) => string;
}

/**
 * Buckets under numbered keys, and an index with the hash of each. Reads are by key, because Consul's ACLs silently
 * leave keys out of a recursive read.
 */
export class IndexedBuckets<T> {
  constructor(
    readonly store: KeyValueStore,
    /** Ends in "/". */
    readonly prefix: string,
    readonly format: BucketFormat<T>,
  ) {}

  get indexKey(): string {
    return `${this.prefix}index`;
  }

  bucketKey(id: number): string {
    return `${this.prefix}${id}`;
  }

  /** Never throws for what the key holds: whether a damaged index matters depends on whose it is. */
  async readIndex(signal?: AbortSignal): Promise<StoredIndex> {
    const stored = await this.store.get(this.indexKey, signal);
    if (stored === undefined) return { index: undefined, revision: 0 };
    try {
      return { index: parseIndex(stored.value.toString('utf8')), revision: stored.revision };
    } catch (error) {
      if (!(error instanceof SyncInfoError)) throw error;
      return { index: undefined, problem: error.message, revision: stored.revision };
    }
  }

  /** Never throws for what the key holds: a bucket that cannot be read is rebuilt from what can be, as the caller decides. */
  async readBucket(id: number, signal?: AbortSignal): Promise<StoredBucket<T>> {
    const stored = await this.store.get(this.bucketKey(id), signal);
    if (stored === undefined) return { bucket: undefined, hash: undefined, revision: 0 };
    try {
      const bucket = this.format.parse(stored.value.toString('utf8'));
      return { bucket, hash: this.format.hash(bucket), revision: stored.revision };
    } catch (error) {
      if (!(error instanceof SyncInfoError)) throw error;
      return { bucket: undefined, hash: undefined, problem: error.message, revision: stored.revision };
    }
  }

  writeOfIndex(index: readonly string[], expect: number): Write {
    return { key: this.indexKey, value: Buffer.from(serializeIndex(index)), expect };
  }

  /** @param json as the format of these buckets writes it */
  writeOfJson(id: number, json: string, expect: number): Write {
    return { key: this.bucketKey(id), value: Buffer.from(json), expect };
  }

  writeOfBucket(id: number, bucket: ReadonlyMap<string, T>, expect: number): Write {
    return this.writeOfJson(id, this.format.serialize(bucket), expect);
  }
}

/** @returns the stored buckets by id, in the order of the ids */
export async function readBuckets<T>(
  info: IndexedBuckets<T>,
  ids: readonly number[],
  signal: AbortSignal,
): Promise<Map<number, StoredBucket<T>>> {
  const read = async (id: number, stop: AbortSignal): Promise<[number, StoredBucket<T>]> => [
    id,
    await info.readBucket(id, stop),
  ];
  return new Map(await inParallel(ids, signal, read, CONSUL_READS));
}

/** A bucket of the origin that fits its index. */
export interface Fitting<T> {
  bucket: Map<string, T>;
  /** It fits the index that the origin has published meanwhile, and not the one that was given. */
  isNewer: boolean;
}

/**
 * Reads a bucket of the origin.
 *
 * @returns undefined if it does not fit the index: it is being written, or was read in the middle
 */
export async function readFitting<T>(
  info: IndexedBuckets<T>,
  index: readonly string[],
  id: number,
  signal: AbortSignal,
): Promise<Fitting<T> | undefined> {
  for (const pauseMs of [0, TORN_READ_PAUSE_MS]) {
    await sleep(pauseMs, undefined, { signal });
    const { bucket, hash } = await info.readBucket(id, signal);
    if (bucket === undefined) continue;
    if (hash === index[id]) return { bucket, isNewer: false };
    if (hash === (await info.readIndex(signal)).index?.[id]) return { bucket, isNewer: true };
  }
  return undefined;
}
