import { parseBucket } from '../../sync/bucket';
import { MAX_NUM_BUCKETS, numBucketsFor } from '../../sync/bucket-number';
import { dataPath } from '../../sync/paths';
import { ActivityError } from '../failures';
import type { OriginDeps } from './deps';
import { readChunk, type Manifest, type StagedBucket } from './manifest';
import type { OversizeError } from './missing-writes';

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
  const atLeast = manifest.numBuckets;
  const fitting =
    numBucketsFor(paths, { atLeast, bucketBytes: maxBucketBytes / 2 }) ??
    numBucketsFor(paths, { atLeast, bucketBytes: maxBucketBytes });
  return new ActivityError(
    'BucketTooLarge',
    `Consul ${info.store.address}: ${key}: this one of ${atLeast} buckets has ${kib(bytes)}, and Consul takes ` +
      `${kib(maxBucketBytes)} at the most: ${advice(config.numBuckets, fitting, paths.size)}; nothing was published`,
  );
}

function advice(configured: number | 'auto', fitting: number | undefined, secrets: number): string {
  if (fitting === undefined) {
    return (
      `not even ${MAX_NUM_BUCKETS} buckets would hold these ${secrets} secrets. Leave out what nobody needs with ` +
      'origin.include and origin.exclude, or divide the secrets among several syncs, each with a syncPath of its own'
    );
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
