import { cancellationDetails } from '@temporalio/activity';
import { setDirtyMarker } from '../../../sync-info/dirty-marker';
import { isVersionOf } from '../../../rules/sync-index';
import { NO_EXPIRY, NOT_COUNTED, sumOf } from '../../../rules/expiry';
import type { CopySecretsInput, CopySecretsResult } from '../../../contract/destination';
import { ActivityError } from '../../../contract/failures';
import { inParallel } from '../../../concurrency/work-pool';
import { CycleReportBuilder } from '../../shared/cycle-report';
import { conflict } from '../../../sync-info/store';
import { copyBucket, type CopyContext } from './copy-bucket';
import type { Fence } from '../base/bucket-checkpoint';
import type { SettingsContext } from './carry-settings';
import type { DestinationDeps } from '../base/deps';
import { readOriginSettings, readOwnSettings } from '../base/settings-indices';
import { COPY_BUCKETS } from '../../../limits';

/**
 * Brings the secrets of a group of buckets to the destination. Each bucket of the destination's info is saved as
 * its secrets arrive: what is lost with a worker is at most some seconds of claims, never a secret.
 *
 * @param isRepeated an earlier attempt may have saved a part, and its result is lost
 */
export async function copySecrets(
  deps: DestinationDeps,
  input: CopySecretsInput,
  signal: AbortSignal,
  progress: (done: number) => void,
  isRepeated = false,
): Promise<CopySecretsResult> {
  const origin = await deps.originInfo.readIndex(signal);
  const own = await deps.info.readIndex(signal);
  if (origin.index === undefined) {
    throw new ActivityError(
      'OriginInfoGone',
      `Consul ${deps.originInfo.store.address}: ${deps.originInfo.indexKey}: the origin's index vanished during the cycle`,
      true,
    );
  }
  if (own.revision !== input.indexRevision) throw conflict(deps.info.store, deps.info.indexKey);
  const report = new CycleReportBuilder();
  const settings = await readSettings(deps, origin.index.length, signal);
  const context: CopyContext = {
    deps,
    originIndex: origin.index,
    ownIndex: own.index?.length === origin.index.length ? own.index : undefined,
    mounts: input.mounts,
    targets: await deps.targets.load(origin.index, signal),
    settings,
    fence: fenceOf(deps, own.revision, settings),
    // The guard has seen the deletes of another index: those of this one are for the next cycle.
    deletes: input.deletes && isVersionOf(input.considered, origin.index),
    report,
    incomplete: new Set(),
    held: new Map(),
    deleted: new Map(),
    lookAtExpiries: input.expiries === true,
    expiries: undefined,
    onProgress: () => {
      progress(report.progress);
    },
  };
  let finished = true;
  try {
    await inParallel(input.buckets, signal, (id, stop) => copyBucket(context, id, stop), COPY_BUCKETS);
  } catch (error) {
    // The cycle ran out of time or was cancelled, and every bucket is saved: its counts are still of interest.
    // A worker's shutdown is no decision about the cycle: that has to fail, so that another worker goes on.
    if (cancellationDetails()?.cancelRequested !== true) throw error;
    finished = false;
  }
  const settled = [...context.held].filter(([id]) => !context.incomplete.has(id));
  const isCounted = !finished || !isRepeated || !(await deps.info.expiries.isMarked(signal));
  const expiries = isCounted ? context.expiries : sumOf(context.expiries ?? NO_EXPIRY, NOT_COUNTED);
  return {
    v: 1,
    finished,
    knownDifferences: settled,
    deleted: Object.fromEntries(context.deleted),
    ...(expiries && { expiries }),
    ...report.result(),
  };
}

function fenceOf(
  { info }: DestinationDeps,
  indexRevision: number,
  settings: SettingsContext | undefined,
): Fence {
  const indices = [{ key: info.indexKey, revision: indexRevision }];
  if (settings !== undefined) indices.push({ key: info.settings.indexKey, revision: settings.ownRevision });
  let noted: Promise<void> | undefined;
  const note = (): Promise<void> => {
    // Without an index every bucket is looked at anyway, and an original vsync fails on what stands there before it.
    if (indexRevision === 0) return Promise.resolve();
    noted ??= setDirtyMarker(info, indices).catch((error: unknown) => {
      noted = undefined; // the next write tries again
      throw error;
    });
    return noted;
  };
  return { indices, note };
}

async function readSettings(
  deps: DestinationDeps,
  numBuckets: number,
  signal: AbortSignal,
): Promise<SettingsContext | undefined> {
  const { index: originIndex, unknown } = await readOriginSettings(deps, numBuckets, signal);
  if (originIndex === undefined && unknown === undefined) return undefined;
  const own = await readOwnSettings(deps, numBuckets, signal);
  const ownIndex = own.index?.length === numBuckets ? own.index : undefined;
  return { originIndex, ownIndex, ownRevision: own.revision };
}
