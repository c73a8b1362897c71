import { parseBucket, mostBuckets, numBucketsFor } from '../../rules/bucket';
import { dataPath } from '../../rules/paths';
import { ActivityError } from '../../contract/failures';
import type { OriginDeps } from './deps';
import { readChunk, type Manifest, type StagedBucket } from './manifest';
import type { OversizeError } from './missing-writes';

interface Fitting {
  /** Number of buckets that will do, if there is one. */
  fitting: number | undefined;
  /** The most buckets that there may be. */
  most: number;
  secrets: number;
  /** There are folders that could not be listed. */
  hasUnknown: boolean;
}

/**
 * What to do about a bucket that the store does not take: another number of buckets, and which; or fewer secrets.
 *
 * @param staged the buckets that were to be written, which also hold what was kept of unknown folders
 */
export async function tooLarge(
  {
    config,
    info,
    staging,
    maxBucketBytes,
  }: Pick<OriginDeps, 'config' | 'info' | 'staging' | 'maxBucketBytes'>,
  { key, bytes }: OversizeError,
  manifest: Manifest,
  staged: readonly StagedBucket[],
  signal: AbortSignal,
): Promise<ActivityError> {
  const paths = new Set(
    staged.flatMap(({ json }) => (json === undefined ? [] : [...parseBucket(json).keys()])),
  );
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
  const found = { fitting, most, secrets: paths.size, hasUnknown: manifest.unknown.length > 0 };
  const what = isIndex ? `the index of ${numBuckets} buckets` : `this one of ${numBuckets} buckets`;
  return new ActivityError(
    'BucketTooLarge',
    `Consul ${info.store.address}: ${key}: ${what} has ${kib(bytes)}, and this Consul takes ${kib(mostBytes)} at the ` +
      `most (limits.kv_max_value_size): ${advice(config.numBuckets, found)}; nothing was published`,
  );
}

function advice(configured: number | 'auto', { fitting, most, secrets, hasUnknown }: Fitting): string {
  if (fitting === undefined) {
    return (
      `not even ${most} buckets would hold these ${secrets} secrets. Leave out what nobody needs with ` +
      'origin.include and origin.exclude, or divide the secrets among several syncs, each with a syncPath of its own'
    );
  }
  if (configured === 'auto' && !hasUnknown) {
    return `"auto" took this Consul for one with larger limits; the next cycle makes ${fitting} buckets by itself`;
  }
  if (configured === 'auto') {
    return `"auto" does not count what lies below unknown folders. Give numBuckets ${fitting} until they can be listed`;
  }
  return (
    `give numBuckets ${fitting}, here and (an original vsync) at every destination; or "auto", if no destination ` +
    'is an original vsync'
  );
}

const kib = (bytes: number): string => `${Math.ceil(bytes / 1024)} KiB`;
