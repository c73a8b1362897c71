import { cancellationDetails } from '@temporalio/activity';
import { isVersionOf } from '../../../rules/bucket';
import { NO_EXPIRY, NOT_COUNTED, sumOf } from '../../../rules/expiry';
import type { CopySecretsInput, CopySecretsResult } from '../../../contract/destination';
import { ActivityError } from '../../../contract/failures';
import { inParallel } from '../../../concurrency/work-pool';
import { CycleReportBuilder } from '../../shared/cycle-report';
import { conflict } from '../../../sync-info/commits';
import { copyBucket, type CopyContext } from './copy-bucket';
import type { DestinationDeps } from '../base/deps';
import { openLedgers } from './plan-bucket';
import { OldestChange } from '../../../sync-info/lag';
import { COPY_BUCKETS } from '../../../limits';

/*
 * copySecrets makes the destination equal to the origin, for one group of buckets. The workflow destinationCycle calls it
 * once per group, after the guard of deletes, and ends with saveSyncInfo. The terms are in docs/glossary.md.
 *
 * copyBucket has the order: plan a bucket (read both ends, decide about every path), copy its secrets with check-and-set
 * and carry their settings, save the ledger with what is to be deleted as unverified, remove that, save. A claim comes
 * after its secret, so a lost worker loses seconds of claims, never a secret. Expiries of copies are noted before the
 * claim. The fence refuses every save after another cycle has saved its index. All copies of the process share the copy
 * pool. The cycle report has the counts and the first failed paths. An incomplete bucket has something left to do; all
 * others become known differences if they still differ.
 */

/** @param isRepeated an earlier attempt may have saved a part, and its result is lost */
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
    behind: new OldestChange(),
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
    // A worker's shutdown does not decide about the cycle: it has to fail, so that another worker goes on.
    if (cancellationDetails()?.cancelRequested !== true) throw error;
    finished = false;
  }
  const settled = [...context.retained].filter(([id]) => !context.incomplete.has(id));
  const isCounted = !finished || !isRepeated || !(await deps.info.expiries.isMarked(signal));
  const { ms: oldestMs } = context.behind;
  const expiries = isCounted ? context.expiries : sumOf(context.expiries ?? NO_EXPIRY, NOT_COUNTED);
  return {
    v: 1,
    finished,
    knownDifferences: settled,
    deleted: Object.fromEntries(context.deleted),
    ...(expiries && { expiries }),
    ...(oldestMs !== undefined && { oldestMs }),
    ...report.result(),
  };
}
