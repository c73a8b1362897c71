import { setTimeout as sleep } from 'node:timers/promises';
import { ConsulError } from '../../consul/errors';
import type { StoredBucket } from '../../consul/sync-info';
import { bucketId, type Bucket } from '../../sync/bucket';
import { compareBuckets } from '../../sync/compare';
import type { Insight } from '../../sync/insight';
import { locate } from '../../sync/paths';
import { ActivityError, pathFailureClass } from '../failures';
import { inParallel } from '../in-parallel';
import type { OutageDetector } from '../outage';
import type { TallyBuilder } from '../tally';
import { BucketCheckpoint } from './bucket-checkpoint';
import { copySecret } from './copy-secret';
import { absenceAtOrigin, deleteSecret } from './delete-secret';
import type { DestinationDeps } from './deps';

/** What all buckets of one activity share. */
export interface CopyContext {
  deps: DestinationDeps;
  originIndex: readonly string[];
  /** Undefined if there is none, or if it has another number of buckets. */
  ownIndex: readonly string[] | undefined;
  /** Remembered uuids of the origin's mounts. */
  mounts: Record<string, string>;
  /** Compare every value, and delete nothing. */
  compareAll: boolean;
  /** Where the secrets that the origin has stand at the destination; read when the first orphan is found. */
  targets: (signal: AbortSignal) => Promise<ReadonlySet<string> | undefined>;
  tally: TallyBuilder;
  outage: OutageDetector;
  onProgress: () => void;
}

/** The origin writes bucket and index at almost the same time: a bucket that does not fit yet may fit soon. */
const TORN_READ_PAUSE_MS = 200;

/**
 * Brings the secrets of one bucket to the destination, and saves the destination's bucket. If that has grown over
 * Consul's limit (`ignoreDeletes` keeps what the origin's bucket has no more), it alone fails.
 */
export async function copyBucket(context: CopyContext, id: number, signal: AbortSignal): Promise<void> {
  try {
    await copyAndClaim(context, id, signal);
  } catch (error) {
    if (!(error instanceof ConsulError) || error.kind !== 'too-large') throw error;
    context.tally.fail(context.deps.info.bucketKey(id), 'too-large');
  }
}

async function copyAndClaim(context: CopyContext, id: number, signal: AbortSignal): Promise<void> {
  const { deps, ownIndex, tally } = context;
  const stored = await deps.info.readBucket(id, signal);
  const origin = await readOriginBucket(context, id, signal);
  if (origin === undefined) {
    const key = deps.originInfo.bucketKey(id);
    if (context.compareAll) {
      // A change is dealt with only when every bucket has been compared.
      throw new ActivityError(
        'Conflict',
        `Consul ${deps.originInfo.store.address}: ${key}: does not fit the index`,
        true,
      );
    }
    tally.fail(key, 'torn-bucket', 'unknown');
    return;
  }
  // A bucket that does not fit its index is not believed: it is rebuilt by comparing values. Its names are kept,
  // because what stands at the destination and not at the origin could not be found otherwise.
  const fits = stored.hash !== undefined && stored.hash === ownIndex?.[id];
  const trusted = fits && !context.compareAll;
  const known = stored.bucket ?? new Map<string, Insight>();
  const {
    add,
    update,
    verify,
    delete: gone,
  } = compareBuckets(origin, trusted ? known : new Map<string, Insight>());
  const orphans = trusted ? gone : [...known.keys()].filter((path) => !origin.has(path));
  const claims = trusted ? known : new Map([...known].filter(([path]) => !origin.has(path)));
  const checkpoint = new BucketCheckpoint(deps.info, id, stored, claims);
  // A secret that the destination never had is written at once; check-and-set tells if it was there after all.
  const isNew = (path: string): boolean => !known.has(path) && (trusted || stored.revision === 0);

  try {
    await inParallel([...add, ...update, ...verify], signal, (path, stop) =>
      deps.secretLimit(() => copyOne(context, checkpoint, path, origin.get(path), !isNew(path), stop)),
    );
    await removeOrphans(context, id, checkpoint, orphans, signal);
  } finally {
    // Also when cancelled or failed: what has arrived is claimed, so that it need not be compared again.
    await checkpoint.save();
  }
}

/** @returns undefined if the bucket does not fit the index: it is being written, or was read in the middle */
async function readOriginBucket(
  context: CopyContext,
  id: number,
  signal: AbortSignal,
): Promise<Bucket | undefined> {
  const { originInfo } = context.deps;
  for (const expected of [context.originIndex[id], undefined]) {
    const stored: StoredBucket = await originInfo.readBucket(id, signal);
    const entry = expected ?? (await originInfo.readIndex(signal)).index?.[id];
    if (stored.bucket !== undefined && stored.hash === entry) return stored.bucket;
    if (expected !== undefined) await sleep(TORN_READ_PAUSE_MS, undefined, { signal });
  }
  return undefined;
}

async function copyOne(
  { deps, tally, outage, onProgress }: CopyContext,
  checkpoint: BucketCheckpoint,
  path: string,
  insight: Insight | undefined,
  compareFirst: boolean,
  signal: AbortSignal,
): Promise<void> {
  if (insight === undefined) return;
  signal.throwIfAborted();
  try {
    const { did, claim } = await copySecret(deps, path, insight, compareFirst, signal);
    outage.succeeded();
    tally.count('read');
    tally.count(did);
    // The claim comes after the secret.
    if (claim) checkpoint.insights.set(path, insight);
  } catch (error) {
    if (signal.aborted) throw error;
    outage.failed(error);
    tally.fail(path, pathFailureClass(error));
  }
  onProgress();
  await checkpoint.saveSometimes();
}

/**
 * Deletes what the origin has no more. Each delete is asked back at the origin, and marked as version 0 before
 * it happens: after a crash in between, a secret that the origin has again reads as an update.
 */
async function removeOrphans(
  context: CopyContext,
  id: number,
  checkpoint: BucketCheckpoint,
  orphans: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const { deps, mounts, tally, outage } = context;
  if (orphans.length === 0) return;
  if (deps.config.ignoreDeletes || context.compareAll) {
    tally.count('held', orphans.length);
    // After a change nobody knows where they stand: under the new transforms, a delete might hit a secret that was
    // never ours. They are left where they are, and not claimed any more.
    if (context.compareAll) for (const path of orphans) checkpoint.insights.delete(path);
    return;
  }
  const attempt = async <T>(
    path: string,
    stop: AbortSignal,
    work: () => Promise<T>,
  ): Promise<T | undefined> => {
    try {
      const result = await work();
      outage.succeeded();
      return result;
    } catch (error) {
      if (stop.aborted) throw error;
      outage.failed(error);
      tally.fail(path, pathFailureClass(error), 'unknown');
      return undefined;
    }
  };

  const taken = await context.targets(signal);
  if (taken === undefined) {
    // The origin's info is being written: what stands at their targets may be another secret's by now.
    tally.count('held', orphans.length);
    return;
  }
  const confirmed: string[] = [];
  await inParallel(orphans, signal, (path, stop) =>
    deps.secretLimit(async () => {
      if (taken.has(deps.transformer.transform(path).path)) {
        // Another secret of the origin is transformed to the same path: what stands there is that one's.
        checkpoint.insights.delete(path);
        return;
      }
      const place = locate(path, deps.config.origin.mounts);
      const absence = await attempt(path, stop, () => absenceAtOrigin(deps, place, mounts, stop));
      if (absence === 'absent') confirmed.push(path);
      else if (absence === 'served' && bucketId(path, context.originIndex.length) !== id) {
        // The number of buckets changed: its claim belongs into another bucket, where it is compared.
        checkpoint.insights.delete(path);
      } else if (absence !== undefined) tally.count('held');
    }),
  );
  for (const path of confirmed) {
    const insight = checkpoint.insights.get(path);
    if (insight !== undefined) checkpoint.insights.set(path, { ...insight, version: 0 });
  }
  await checkpoint.save();
  await inParallel(confirmed, signal, (path, stop) =>
    deps.secretLimit(async () => {
      const done = await attempt(path, stop, () => deleteSecret(deps, path, mounts, stop));
      if (done === undefined) return;
      if (done === 'held') {
        tally.count('held');
        return;
      }
      if (done === 'deleted') tally.count('deleted');
      checkpoint.insights.delete(path);
    }),
  );
}
