import { bucketId, mostBuckets, numBucketsFor } from '../../rules/bucket';
import { compileFilter } from '../../rules/filter';
import { bytewise, dataPath } from '../../rules/paths';
import { FairQueue, forAllOf, inParallel } from '../../concurrency/work-pool';
import { readOriginState } from '../../sync-info/state';
import type { ListPathsResult } from '../../contract/origin';
import { failureOfPath } from '../shared/failures';
import { CHUNK_PATHS, MAX_CHUNKS, MAX_DISPATCH_WIDTH, STAGED_AT_ONCE } from '../../limits';
import { changedMounts, readMounts } from '../../access/mounts';
import { CycleReportBuilder } from '../shared/cycle-report';
import type { OriginDeps } from './deps';
import { assertSameMounts, chunkOfBucket, type Chunk, type Manifest } from './manifest';

interface Folder {
  mount: string;
  /** Path in the mount: empty for its root, else ending in "/". */
  folder: string;
}

/**
 * Walks the folders of all mounts, and stages the paths split by bucket. What the filters leave out is not listed, or
 * listed and left out. A folder whose listing fails is unknown, not empty.
 */
export async function listPaths(
  deps: OriginDeps,
  signal: AbortSignal,
  progress: (listed: number) => void,
): Promise<ListPathsResult> {
  const { config, vault, info, staging, maxBucketBytes, room } = deps;
  const { index, revision: indexRevision } = await info.readIndex(signal);
  const settingsIndex = config.syncMetadata ? await info.settings.readIndex(signal) : undefined;
  const { state } = await readOriginState(info, signal);
  const mounts = await readMounts(vault, config.origin.mounts, 'origin.mounts', signal);
  const report = new CycleReportBuilder();
  const unknown: string[] = [];
  for (const mount of changedMounts(state?.mounts, mounts)) {
    // Its secrets may be gone, or not restored yet: what was known of them is kept until an operator approves.
    unknown.push(mount);
    report.fail(mount, 'mount-changed', 'unknown');
  }

  const filter = compileFilter(config.origin);
  const paths = new Map<string, string[]>(config.origin.mounts.map((mount) => [mount, []]));
  const folders = new FairQueue<Folder>();
  const listFolder = async ({ mount, folder }: Folder, stop: AbortSignal): Promise<void> => {
    const names = await vault.list(mount, folder, stop).catch((error: unknown) => {
      report.fail(mount + folder, failureOfPath(error, stop), 'unknown');
      unknown.push(mount + folder);
    });
    if (names === undefined) return;
    const secrets = names.filter((name) => !name.endsWith('/') && filter.allows(mount + folder + name));
    for (const name of secrets) paths.get(mount)?.push(folder + name);
    report.count('listed', secrets.length);
    progress(report.progress);
    for (const name of names) {
      if (name.endsWith('/') && filter.mayHold(mount + folder + name))
        folders.push(mount, { mount, folder: folder + name });
    }
  };
  for (const mount of config.origin.mounts) {
    for (const start of filter.startsOf(mount))
      folders.push(mount, { mount, folder: start.slice(mount.length) });
  }
  await forAllOf(folders, signal, listFolder, room);

  await assertSameMounts(deps, mounts, { words: 'listed; listing again', retryable: true }, signal);

  const { maxValueBytes } = info.store;
  const numBuckets =
    config.numBuckets === 'auto'
      ? autoNumBuckets(paths, index, { maxValueBytes, maxBucketBytes: maxBucketBytes ?? maxValueBytes })
      : config.numBuckets;
  const stage = (chunk: Chunk, stop: AbortSignal): Promise<string> => staging.put(chunk, stop);
  const chunks = await inParallel(splitByBucket(paths, numBuckets), signal, stage, STAGED_AT_ONCE);
  const manifest: Manifest = {
    v: 1,
    numBuckets,
    mounts,
    unknown: unknown.sort(bytewise),
    ...(vault.mayHideNames && { confirmAbsent: true }),
    ...(settingsIndex && { settings: true }),
    chunks,
  };
  return {
    v: 1,
    manifest: await staging.put(manifest, signal),
    chunks: chunks.length,
    dispatchWidth: MAX_DISPATCH_WIDTH,
    indexRevision,
    ...(settingsIndex && { settingsIndexRevision: settingsIndex.revision }),
    ...report.result(),
  };
}

/**
 * `numBuckets: auto`: so many that each bucket stays under half of what the store takes. The other half is for the paths
 * below unknown folders. Never fewer than there are, unless the store does not take the index of so many any more.
 */
function autoNumBuckets(
  paths: ReadonlyMap<string, string[]>,
  index: readonly string[] | undefined,
  { maxValueBytes, maxBucketBytes }: { maxValueBytes: number; maxBucketBytes: number },
): number {
  const dataPaths = [...paths].flatMap(([mount, inMount]) => inMount.map((path) => dataPath(mount, path)));
  const most = mostBuckets(maxValueBytes);
  const published = index?.length ?? 1;
  const atLeast = published <= most ? published : 1;
  const fitting = numBucketsFor(dataPaths, { atLeast, most, bucketBytes: maxBucketBytes / 2 });
  // What is too large even then is refused when it is saved, where the sizes are exact.
  return fitting ?? most;
}

/** Chunks of about CHUNK_PATHS paths, each with whole buckets; in an order that depends on the paths alone. */
function splitByBucket(paths: ReadonlyMap<string, string[]>, numBuckets: number): Chunk[] {
  const total = [...paths.values()].reduce((sum, inMount) => sum + inMount.length, 0);
  // A power of two, so that the split (and with it what has to be staged again) rarely changes as secrets come.
  const wanted = 2 ** Math.ceil(Math.log2(Math.max(1, total / CHUNK_PATHS)));
  const count = Math.min(wanted, numBuckets, MAX_CHUNKS);
  const chunks = Array.from({ length: count }, () => new Map<string, string[]>());
  for (const [mount, inMount] of paths) {
    for (const path of inMount.sort(bytewise)) {
      const chunk = chunks[chunkOfBucket(bucketId(dataPath(mount, path), numBuckets), numBuckets, count)];
      const list = chunk?.get(mount);
      if (list === undefined) chunk?.set(mount, [path]);
      else list.push(path);
    }
  }
  return chunks.map((chunk) => ({ v: 1, paths: [...chunk] }));
}
