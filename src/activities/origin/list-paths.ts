import { bucketId, mostBuckets, numBucketsFor } from '../../rules/bucket';
import { bytewise, dataPath } from '../../rules/paths';
import { inParallel } from '../../concurrency/work-pool';
import { readOriginState } from '../../sync-info/state';
import type { CycleReport } from '../../contract/cycle';
import type { ListPathsResult } from '../../contract/origin';
import { CHUNK_PATHS, CHUNK_PATHS_KNOWN, MAX_CHUNKS, MAX_DISPATCH_WIDTH, STAGED_AT_ONCE } from '../../limits';
import { changedMounts, readMounts } from '../../access/mounts';
import { CycleReportBuilder } from '../shared/cycle-report';
import type { OriginDeps } from './deps';
import { decideCycle, type CycleStart, type FeedPass } from './feed-pass';
import { clockOf } from './known';
import { assertSameMounts, chunkOfBucket, type Chunk, type Manifest } from './manifest';
import { walk, type Walk } from './walk';

/**
 * Walks the folders of all mounts, and stages the paths split by bucket, with what the listings showed of them. With a
 * feed, a cycle that can trust it lists nothing, and stages only the paths with hints.
 */
export async function listPaths(
  deps: OriginDeps,
  signal: AbortSignal,
  progress: (listed: number) => void,
): Promise<ListPathsResult> {
  const { config, vault, info, staging, maxBucketBytes } = deps;
  const stored = await info.readIndex(signal);
  const { index } = stored;
  const settingsIndex = config.syncMetadata ? await info.settings.readIndex(signal) : undefined;
  const { state } = await readOriginState(info, signal);
  const requestIds: string[] = [];
  const keepId = (id: string): unknown => requestIds.push(id);
  const mounts = await readMounts(vault, config.origin.mounts, 'origin.mounts', signal, keepId);
  const changed = changedMounts(state?.mounts, mounts);
  const start = { index: stored, settingsIndex, mounts, changed, requestIds };
  const plan = deps.feed && (await decideCycle(deps, deps.feed, start, signal));
  if (plan?.scan === false) return stagePass(deps, start, plan, signal);
  const report = new CycleReportBuilder();
  const unknown: string[] = [];
  for (const mount of changed) {
    // Its secrets may be gone, or not restored yet: what was known of them is kept until an operator approves.
    unknown.push(mount);
    report.fail(mount, 'mount-changed', 'unknown');
  }

  const clock = clockOf({ feed: plan?.feed });
  const options = { report, clock, withSettings: settingsIndex !== undefined, progress };
  const walked = await walk(deps, options, signal);
  unknown.push(...walked.unknown);

  await assertSameMounts(deps, mounts, { words: 'listed; listing again', retryable: true }, signal);

  const { maxValueBytes } = info.store;
  const numBuckets =
    config.numBuckets === 'auto'
      ? autoNumBuckets(walked.paths, index, {
          maxValueBytes,
          maxBucketBytes: maxBucketBytes ?? maxValueBytes,
        })
      : config.numBuckets;
  const stage = (chunk: Chunk, stop: AbortSignal): Promise<string> => staging.put(chunk, stop);
  const chunks = await inParallel(splitByBucket(walked, numBuckets), signal, stage, STAGED_AT_ONCE);
  const manifest: Manifest = {
    v: 1,
    numBuckets,
    mounts,
    unknown: unknown.sort(bytewise),
    ...(vault.mayHideNames && { confirmAbsent: true }),
    ...(settingsIndex && { settings: true }),
    ...(plan?.feed && { feed: plan.feed }),
    chunks,
  };
  const reference = await staging.put(manifest, signal);
  return { ...resultOf(start, reference, chunks.length, plan?.note), ...report.result() };
}

/** Stages what a feed pass reads. Without hints it has no chunks, and an idle pass has the same manifest each time. */
async function stagePass(
  { staging }: OriginDeps,
  start: CycleStart,
  { numBuckets, chunks, feed, note }: FeedPass,
  signal: AbortSignal,
): Promise<ListPathsResult> {
  const references: string[] = [];
  for (const chunk of chunks) references.push(await staging.put(chunk, signal));
  const manifest: Manifest = {
    v: 1,
    numBuckets,
    mounts: start.mounts,
    unknown: [],
    ...(start.settingsIndex && { settings: true }),
    pass: true,
    feed,
    chunks: references,
  };
  const reference = await staging.put(manifest, signal);
  return { ...resultOf(start, reference, chunks.length, note), counts: {}, failures: [] };
}

function resultOf(
  { index, settingsIndex }: CycleStart,
  manifest: string,
  chunks: number,
  note: string | undefined,
): Omit<ListPathsResult, keyof CycleReport> {
  return {
    v: 1,
    manifest,
    chunks,
    dispatchWidth: MAX_DISPATCH_WIDTH,
    indexRevision: index.revision,
    ...(settingsIndex && { settingsIndexRevision: settingsIndex.revision }),
    ...(note !== undefined && { note }),
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

/**
 * Chunks of about CHUNK_PATHS paths to read, or CHUNK_PATHS_KNOWN in all, each with whole buckets; in an order that depends
 * on the paths alone.
 */
function splitByBucket({ paths, known }: Walk, numBuckets: number): Chunk[] {
  const total = sizeOf(paths, ({ length }) => length);
  const unread = total - sizeOf(known, ({ size }) => size);
  // A power of two, so that the split (and with it what has to be staged again) rarely changes as secrets come.
  const wanted = 2 ** Math.ceil(Math.log2(Math.max(1, unread / CHUNK_PATHS, total / CHUNK_PATHS_KNOWN)));
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
  const knownIn = (mount: string, inMount: readonly string[]) =>
    inMount.map((path) => {
      const found = known.get(mount)?.get(path);
      return found === undefined ? 0 : found;
    });
  const hasKnown = unread < total;
  return chunks.map((chunk) => ({
    v: 1,
    paths: [...chunk],
    ...(hasKnown && { known: [...chunk].map(([mount, inMount]) => knownIn(mount, inMount)) }),
  }));
}

function sizeOf<T>(byMount: ReadonlyMap<string, T>, size: (ofMount: T) => number): number {
  return [...byMount.values()].reduce((sum, ofMount) => sum + size(ofMount), 0);
}
