import { inParallel } from '../../concurrency/work-pool';
import type { KeyValueStore, SizeOfWrite, Write } from '../../consul/key-value-store';
import { ActivityError } from '../../contract/failures';
import { CONSUL_READS } from '../../limits';
import { mostBuckets, numBucketsFor, parseBucket } from '../../rules/bucket';
import { dataPath } from '../../rules/paths';
import { readBuckets, type IndexedBuckets } from '../../sync-info/indexed-buckets';
import type { OriginDeps } from './deps';
import { readChunk, type Manifest } from './manifest';
import type { FoundBucket } from './staged-lists';

/** A bucket that is not written yet. Its value is read when it is written. */
export interface MissingBucket extends SizeOfWrite {
  readonly load: (signal: AbortSignal) => Promise<Write>;
}

/** What a save still has to write of one kind of buckets: nothing of what an earlier attempt has written. */
export interface MissingWrites {
  buckets: MissingBucket[];
  /** Each index that is not there yet. Written one after the other, in this order. */
  indices: Write[];
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
  staged: readonly FoundBucket[];
  /** ModifyIndex of the index before the work began; undefined if an interrupted save may have written it since. */
  indexRevision: number | undefined;
  maxBucketBytes: number | undefined;
}

/** Throws ActivityError `Conflict` if another process wrote since the work began, or OversizeError. */
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
  const writeOf = async (bucket: FoundBucket, stop: AbortSignal): Promise<MissingBucket[]> => {
    const { id, hash, revision, bytes, readJson } = bucket;
    if (bytes === undefined) return [];
    const live = await info.readBucket(id, stop);
    if (live.hash === hash) return [];
    if (live.revision !== revision) throw conflict(info.store, info.bucketKey(id));
    const key = info.bucketKey(id);
    if (bytes > (maxBucketBytes ?? Infinity)) throw new OversizeError(key, bytes);
    const load = async (signal: AbortSignal): Promise<Write> =>
      info.writeOfJson(id, await readJson(signal), revision);
    return [{ key, value: { length: bytes }, load }];
  };
  const buckets = await inParallel(staged, signal, writeOf, CONSUL_READS);
  return {
    buckets: buckets.flat(),
    indices: indexIsThere ? [] : [info.writeOfIndex(target, stored.revision)],
  };
}

/** The index after the save. Buckets that were not staged are as the live index says. */
function targetIndex<T>(
  info: IndexedBuckets<T>,
  live: readonly string[] | undefined,
  numBuckets: number,
  staged: readonly FoundBucket[],
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

export type SaveDeps = Pick<OriginDeps, 'config' | 'info' | 'staging' | 'maxBucketBytes' | 'feed'>;

/**
 * What to do about a bucket that the store does not take: another number of buckets, and which; or fewer secrets.
 *
 * @param staged the buckets that were to be written, which also hold what was kept of unknown folders
 */
export async function tooLarge(
  { config, info, staging, maxBucketBytes }: SaveDeps,
  { key, bytes }: OversizeError,
  manifest: Manifest,
  staged: readonly FoundBucket[],
  signal: AbortSignal,
): Promise<ActivityError> {
  const paths = new Set<string>();
  for (const { bytes, readJson } of staged)
    if (bytes !== undefined) for (const path of parseBucket(await readJson(signal)).keys()) paths.add(path);
  if (manifest.pass === true) {
    // Its chunks have only the secrets with hints.
    for (const { bucket } of (
      await readBuckets(info, [...Array(manifest.numBuckets).keys()], signal)
    ).values())
      for (const path of bucket?.keys() ?? []) paths.add(path);
  }
  for (const reference of manifest.chunks) {
    const chunk = await readChunk(staging, reference, signal);
    for (const [mount, inMount] of chunk.paths) for (const path of inMount) paths.add(dataPath(mount, path));
  }
  const { numBuckets } = manifest;
  const mostBytes = maxBucketBytes ?? info.store.maxValueBytes;
  const most = mostBuckets(info.store.maxValueBytes);
  const isIndex = key === info.indexKey || key === info.settings.indexKey;
  const atLeast = isIndex ? 1 : numBuckets;
  const fitting =
    numBucketsFor(paths, { atLeast, most, bucketBytes: mostBytes / 2 }) ??
    numBucketsFor(paths, { atLeast, most, bucketBytes: mostBytes });
  const advice =
    fitting === undefined
      ? `not even ${most} buckets would hold these ${paths.size} secrets. Leave out what nobody needs with ` +
        'origin.include and origin.exclude, or divide the secrets among several syncs, each with a syncPath of its own'
      : adviceToTake(fitting, config.numBuckets, manifest.unknown.length > 0);
  const what = isIndex ? `the index of ${numBuckets} buckets` : `this one of ${numBuckets} buckets`;
  return new ActivityError(
    'BucketTooLarge',
    `Consul ${info.store.address}: ${key}: ${what} has ${kib(bytes)}, and this Consul takes ${kib(mostBytes)} at the ` +
      `most (limits.kv_max_value_size): ${advice}; nothing was published`,
  );
}

function adviceToTake(fitting: number, configured: number | 'auto', hasUnknown: boolean): string {
  if (configured === 'auto' && !hasUnknown)
    return `"auto" took this Consul for one with larger limits; the next cycle makes ${fitting} buckets by itself`;
  if (configured === 'auto')
    return `"auto" does not count what lies below unknown folders. Give numBuckets ${fitting} until they can be listed`;
  return (
    `give numBuckets ${fitting}, here and (an original vsync) at every destination; or "auto", if no destination ` +
    'is an original vsync'
  );
}

const kib = (bytes: number): string => `${Math.ceil(bytes / 1024)} KiB`;
