import { inParallel } from '../../concurrency/work-pool';
import type { IndexedBuckets } from '../../sync-info/indexed-buckets';
import type { KeyValueStore, Write } from '../../consul/key-value-store';
import { ActivityError } from '../../contract/failures';
import { CONSUL_READS } from '../../limits';
import type { StagedBucket } from './manifest';

/** What a save still has to write of one kind of buckets: nothing of what an earlier attempt has written. */
export interface MissingWrites {
  buckets: Write[];
  /** The index, if it is not there yet. */
  index: Write[];
}

/** A bucket that the store does not take. */
export class OversizeError extends Error {
  override readonly name = 'OversizeError';

  constructor(
    readonly key: string,
    readonly bytes: number,
  ) {
    super(`${key} has ${bytes} bytes`);
  }
}

interface Target {
  numBuckets: number;
  staged: readonly StagedBucket[];
  /** ModifyIndex of the index before the work began; undefined if an interrupted save may have written it since. */
  indexRevision: number | undefined;
  maxBucketBytes: number | undefined;
}

/**
 * @throws ActivityError `Conflict` if another process wrote since the work began
 * @throws OversizeError
 */
export async function missingWrites<T>(
  info: IndexedBuckets<T>,
  { numBuckets, staged, indexRevision, maxBucketBytes }: Target,
  signal: AbortSignal,
): Promise<MissingWrites> {
  const stored = await info.readIndex(signal);
  const target = targetIndex(info, stored.index, numBuckets, staged);
  const indexIsThere = JSON.stringify(stored.index) === JSON.stringify(target);
  if (!indexIsThere && indexRevision !== undefined && stored.revision !== indexRevision) {
    throw conflict(info.store, info.indexKey);
  }
  const writeOf = async (bucket: StagedBucket, stop: AbortSignal): Promise<Write[]> => {
    const { id, hash, revision, json } = bucket;
    if (json === undefined) return [];
    const live = await info.readBucket(id, stop);
    if (live.hash === hash) return [];
    if (live.revision !== revision) throw conflict(info.store, info.bucketKey(id));
    const write = info.writeOfJson(id, json, revision);
    if (write.value.length > (maxBucketBytes ?? Infinity))
      throw new OversizeError(write.key, write.value.length);
    return [write];
  };
  const buckets = await inParallel(staged, signal, writeOf, CONSUL_READS);
  return {
    buckets: buckets.flat(),
    index: indexIsThere ? [] : [info.writeOfIndex(target, stored.revision)],
  };
}

/** The index after the save. Buckets that were not staged are as the live index says. */
function targetIndex<T>(
  info: IndexedBuckets<T>,
  live: readonly string[] | undefined,
  numBuckets: number,
  staged: readonly StagedBucket[],
): string[] {
  const target: (string | undefined)[] =
    live?.length === numBuckets ? [...live] : new Array<undefined>(numBuckets);
  for (const { id, hash } of staged) target[id] = hash;
  const missing = Array.from(target).findIndex((hash) => hash === undefined);
  if (missing >= 0) {
    throw new ActivityError(
      'Conflict',
      `Consul ${info.store.address}: ${info.indexKey}: the index changed while bucket ${missing} was unchanged; next cycle`,
    );
  }
  return target as string[];
}

export function conflict(store: KeyValueStore, key: string): ActivityError {
  return new ActivityError(
    'Conflict',
    `Consul ${store.address}: ${key}: another process wrote the origin's sync info during this cycle, so ` +
      'nothing was published; is another origin running on this sync path?',
  );
}
