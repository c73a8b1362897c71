import { serializeBucket, hashBucket, parseBucket, type Bucket } from '../sync/bucket';
import { SyncInfoError } from '../sync/errors';
import type { Insight } from '../sync/insight';
import { parseIndex, serializeIndex } from '../sync/sync-index';
import type { KeyValueStore, Write } from './key-value-store';

/** An index as it stands in the store. */
export interface StoredIndex {
  /** Bucket hashes, in bucket order; undefined if the key is missing or does not hold an index. */
  index: string[] | undefined;
  /** What is wrong with it, if it is there but does not hold an index. */
  problem?: string;
  /** 0 if the key is missing. */
  revision: number;
}

/** A bucket as it stands in the store. */
export interface StoredBucket {
  /** What it contains; undefined if the key is missing or does not hold a bucket. */
  bucket: Map<string, Insight> | undefined;
  /** Hash of what it contains; undefined if there is no bucket. */
  hash: string | undefined;
  /** 0 if the key is missing. */
  revision: number;
}

/**
 * The sync info of one role at one sync path: `<syncPath>origin/` or `<syncPath>destination/`, in the key names
 * and the wire format of vsync 0.3.0. Reads are by key, because Consul's ACLs silently leave keys out of a
 * recursive read.
 */
export class SyncInfo {
  constructor(
    readonly store: KeyValueStore,
    /** Ends in `origin/` or `destination/`. */
    readonly prefix: string,
  ) {}

  get indexKey(): string {
    return `${this.prefix}index`;
  }

  get stateKey(): string {
    return `${this.prefix}state`;
  }

  /** Only a destination has one. */
  get settledKey(): string {
    return `${this.prefix}settled`;
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

  async readBucket(id: number, signal?: AbortSignal): Promise<StoredBucket> {
    const stored = await this.store.get(this.bucketKey(id), signal);
    if (stored === undefined) return { bucket: undefined, hash: undefined, revision: 0 };
    try {
      const bucket = parseBucket(stored.value.toString('utf8'));
      return { bucket, hash: hashBucket(bucket), revision: stored.revision };
    } catch (error) {
      if (!(error instanceof SyncInfoError)) throw error;
      // A bucket that cannot be read is rebuilt from what can be: the caller decides from what.
      return { bucket: undefined, hash: undefined, revision: stored.revision };
    }
  }

  writeOfIndex(index: readonly string[], expect: number): Write {
    return { key: this.indexKey, value: Buffer.from(serializeIndex(index)), expect };
  }

  writeOfBucket(id: number, bucket: Bucket, expect: number): Write {
    return { key: this.bucketKey(id), value: Buffer.from(serializeBucket(bucket)), expect };
  }
}
