import { SyncInfoError } from '../rules/errors';
import type { Insight } from '../rules/insight';
import { parseIndex, serializeIndex } from '../rules/sync-index';
import type { KeyValueStore, Write } from '../consul/key-value-store';

/** An index as it stands in the store. */
export interface StoredIndex {
  /** Bucket hashes, in bucket order; undefined if the key is missing or does not hold an index. */
  index: string[] | undefined;
  /** What is wrong with it, if it is there but does not hold an index. */
  problem?: string;
  /** 0 if the key is missing. */
  revision: number;
}

/** A bucket as it stands in the store: of insights, or of another thing that is known of each path. */
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
