import { cancellationDetails } from '@temporalio/activity';
import { Fence } from '../../../sync-info/fence';
import type { StoredIndex } from '../../../sync-info/indexed-buckets';
import { Ledger, SETTINGS, VALUES } from '../../../sync-info/ledger';
import { isVersionOf } from '../../../rules/sync-index';
import { NO_EXPIRY, NOT_COUNTED, sumOf } from '../../../rules/expiry';
import type { CopySecretsInput, CopySecretsResult } from '../../../contract/destination';
import { ActivityError } from '../../../contract/failures';
import { inParallel } from '../../../concurrency/work-pool';
import { CycleReportBuilder } from '../../shared/cycle-report';
import { conflict } from '../../../sync-info/store';
import { copyBucket, type CopyContext } from './copy-bucket';
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
  const context: CopyContext = {
    deps,
    ...(await openLedgers(deps, origin.index, own, signal)),
    mounts: input.mounts,
    targets: await deps.targets.load(origin.index, signal),
    // The guard has decided about the deletes of another index: those of this one are for the next cycle.
    deletes: input.deletes && isVersionOf(input.considered, origin.index),
    report,
    incomplete: new Set(),
    retained: new Map(),
    deleted: new Map(),
    checkExpiries: input.expiries === true,
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
  const settled = [...context.retained].filter(([id]) => !context.incomplete.has(id));
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

/** The ledgers of values and of settings, on one fence. */
async function openLedgers(
  deps: DestinationDeps,
  originIndex: readonly string[],
  own: StoredIndex,
  signal: AbortSignal,
): Promise<Pick<CopyContext, 'values' | 'settings' | 'fence'>> {
  const { info, originInfo } = deps;
  const numBuckets = originIndex.length;
  const ofThisSize = (index: readonly string[] | undefined): readonly string[] | undefined =>
    index?.length === numBuckets ? index : undefined;
  const indices = [{ key: info.indexKey, revision: own.revision }];
  const theirs = await readOriginSettings(deps, numBuckets, signal);
  const isCarried = theirs.index !== undefined || theirs.unknown !== undefined;
  const ours = isCarried ? await readOwnSettings(deps, numBuckets, signal) : undefined;
  if (ours !== undefined) indices.push({ key: info.settings.indexKey, revision: ours.revision });
  const fence = new Fence(info, indices);
  const values = { own: info, ownIndex: ofThisSize(own.index), origin: originInfo, originIndex };
  const settings = ours && {
    own: info.settings,
    ownIndex: ofThisSize(ours.index),
    origin: originInfo.settings,
    originIndex: theirs.index,
  };
  return {
    values: new Ledger(VALUES, values, fence),
    settings: settings && new Ledger(SETTINGS, settings, fence),
    fence,
  };
}
