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
 * after the guard of deletes, once per group. Eleven concepts:
 *
 *   1. Bucket: the secrets whose path has the same hash. A group: buckets that diffIndices found to need work.
 *   2. Ledger (sync-info/ledger.ts): the destination's claims, per bucket. What does not fit its index is not trusted.
 *   3. Fence (sync-info/commits.ts): no bucket is written after another cycle has saved its index.
 *   4. Plan (plan-bucket.ts): reads a bucket at both ends, and decides about every path. Writes nothing.
 *   5. Copy of one secret (copy-secret.ts): destination's version, origin's value, write with check-and-set.
 *   6. Settings (carry-settings.ts): metadata of a secret; before or after its value, depending on when it expires.
 *   7. Removal (remove-gone.ts): what the origin has no more, by its own answer, and what `deleteExcluded` covers.
 *   8. Copy pool: the limit of secrets in flight, shared by all activities of the process.
 *   9. Expiries: when copies end by themselves. Noted before the claim of a copy, forgotten after it.
 *  10. Cycle report: counts, and the first paths that failed.
 *  11. Incomplete bucket: something is left to do. All others become known differences if they still differ.
 *
 * copyBucket (copy-bucket.ts) has the order: plan, copy, save as unverified what is to be deleted, delete, save. A claim
 * comes after its secret, so a lost worker loses seconds of claims, never a secret. saveSyncInfo ends the cycle.
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
