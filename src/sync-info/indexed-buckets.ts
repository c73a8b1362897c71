import { SyncInfoError, parseIndex, serializeIndex } from '../rules/bucket';
import type { Insight } from '../rules/insight';
import type { KeyValueStore, Write } from '../consul/key-value-store';
import { inParallel } from '../concurrency/work-pool';
import { CONSUL_READS, TORN_READ_PAUSE_MS } from '../limits';
import { setTimeout as sleep } from 'node:timers/promises';

interface StoredPart {
  /** What is wrong with the value, if there is one. */
  problem?: string;
  /** 0 if the key is missing. */
  revision: number;
}

/** An index as it is stored. */
export interface StoredIndex extends StoredPart {
  /** Bucket hashes, in bucket order; undefined if the key is missing or does not hold an index. */
  index: readonly string[] | undefined;
}

/** A bucket as it is stored: of insights, or of something else that is known of each path. */
export interface StoredBucket<T = Insight> extends StoredPart {
  /** What it contains; undefined if the key is missing or does not hold a bucket. */
  bucket: Map<string, T> | undefined;
  /** Hash of what it contains; undefined if there is no bucket. */
  hash: string | undefined;
}

/** Whether a bucket is what its entry in the index says. A missing bucket fits no entry, no bucket a missing entry. */
export function fits<T>(
  stored: StoredBucket<T> | undefined,
  entry: string | undefined,
): stored is StoredBucket<T> & { bucket: Map<string, T> } {
  return stored?.hash !== undefined && stored.hash === entry;
}

/** `parse` throws {@link SyncInfoError}. */
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

  /** Does not throw for a damaged index: whether it matters depends on whose it is. */
  async readIndex(signal?: AbortSignal): Promise<StoredIndex> {
    const { value: index, ...rest } = await this.read(this.indexKey, parseIndex, signal);
    return { index, ...rest };
  }

  /** Does not throw for a damaged bucket: the caller decides from what it is rebuilt. */
  async readBucket(id: number, signal?: AbortSignal): Promise<StoredBucket<T>> {
    const { value: bucket, ...rest } = await this.read(this.bucketKey(id), this.format.parse, signal);
    return { bucket, hash: bucket && this.format.hash(bucket), ...rest };
  }

  private async read<V>(
    key: string,
    parse: (json: string) => V,
    signal?: AbortSignal,
  ): Promise<StoredPart & { value: V | undefined }> {
    const stored = await this.store.get(key, signal);
    if (stored === undefined) return { value: undefined, revision: 0 };
    const { revision } = stored;
    try {
      return { value: parse(stored.value.toString('utf8')), revision };
    } catch (error) {
      if (!(error instanceof SyncInfoError)) throw error;
      return { value: undefined, problem: error.message, revision };
    }
  }

  writeOfIndex(index: readonly string[], expect: number): Write {
    return { key: this.indexKey, value: Buffer.from(serializeIndex(index)), expect };
  }

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
  const read = async (id: number, stop: AbortSignal) => [id, await info.readBucket(id, stop)] as const;
  return new Map(await inParallel(ids, signal, read, CONSUL_READS));
}

/**
 * Reads a bucket of the origin; undefined if it does not fit the index, because it is being written. `isNewer` if it fits
 * only the index that the origin has published meanwhile.
 */
export async function readFitting<T>(
  info: IndexedBuckets<T>,
  index: readonly string[],
  id: number,
  signal: AbortSignal,
): Promise<{ bucket: Map<string, T>; isNewer: boolean } | undefined> {
  for (const pauseMs of [0, TORN_READ_PAUSE_MS]) {
    await sleep(pauseMs, undefined, { signal });
    const { bucket, hash } = await info.readBucket(id, signal);
    if (bucket === undefined) continue;
    if (hash === index[id]) return { bucket, isNewer: false };
    if (hash === (await info.readIndex(signal)).index?.[id]) return { bucket, isNewer: true };
  }
  return undefined;
}
