import { bucketId } from '../../../rules/bucket';
import type { Insight } from '../../../rules/insight';
import type { DeleteCandidate } from '../../../rules/plan';
import { failureOfPath } from '../../shared/failures';
import { inParallel } from '../../../concurrency/work-pool';
import type { OpenBucket } from '../../../sync-info/ledger';
import type { CopyContext } from './copy-bucket';
import { whereFailed } from '../base/deps';
import { copySecret } from './copy-secret';
import { deleteSecret, judgeCandidate } from '../deletes/delete-secret';

/**
 * Deletes what the origin has no more, and what is excluded under `deleteExcluded`. Each claim is saved as unverified
 * (version 0) before its delete: after a crash in between, a secret that the origin has again reads as an update.
 *
 * @returns how many are retained
 */
export async function removeGone(
  context: CopyContext,
  id: number,
  bucket: OpenBucket<Insight>,
  leaving: readonly DeleteCandidate[],
  signal: AbortSignal,
): Promise<number> {
  const { deps, report, incomplete } = context;
  const numBuckets = context.values.sides.originIndex?.length ?? 0;
  let retained = 0;
  const retain = (isIncomplete: boolean): void => {
    retained += 1;
    report.count('held');
    if (isIncomplete) incomplete.add(id);
  };
  const attempt = async <T>(
    path: string,
    stop: AbortSignal,
    work: () => Promise<T>,
  ): Promise<T | undefined> => {
    try {
      return await work();
    } catch (error) {
      report.fail(path, failureOfPath(error, stop), 'unknown', whereFailed(deps, path, error));
      incomplete.add(id);
      return undefined;
    }
  };
  /** The value of the secret that belongs there has to be there, whichever client wrote last. */
  const restore = async (path: string, source: string, stop: AbortSignal): Promise<void> => {
    const options = { compareFirst: true, isOurs: true };
    const done = await attempt(path, stop, () => copySecret(deps, source, UNCLAIMED, options, stop));
    if (done === undefined) return;
    if (done.did === 'added' || done.did === 'updated') report.count(done.did);
    bucket.forget(path);
  };

  const confirmed: DeleteCandidate[] = [];
  const confirm = async (candidate: DeleteCandidate, stop: AbortSignal): Promise<void> => {
    const { path } = candidate;
    const judged = await attempt(path, stop, () => judgeCandidate(context, candidate, stop));
    if (judged?.is === 'gone') confirmed.push(candidate);
    else if (judged?.is === 'taken') {
      const [source, ...others] = judged.by;
      // Of several, none is written: what is there stays, and is named until one is left.
      if (source === undefined || others.length > 0) retain(true);
      else await restore(path, source, stop);
    } else if (judged?.is === 'served' && bucketId(path, numBuckets) !== id) {
      // Its claim belongs into another bucket, where it is compared.
      bucket.forget(path);
    }
    // A served one came back after its info was written. If it goes again before the next, the info stays as it is: only
    // another question can show it.
    else if (judged !== undefined) retain(judged.is === 'served' && deps.scope.isPublished(path));
  };
  await inParallel(leaving, signal, confirm, deps.copyPool);

  for (const { path } of confirmed) bucket.unverify(path);
  await bucket.flush();
  const remove = async (candidate: DeleteCandidate, stop: AbortSignal): Promise<void> => {
    const { path } = candidate;
    const done = await attempt(path, stop, () => deleteSecret(context, candidate, stop));
    if (done === 'held') retain(true);
    if (done === 'held' || done === undefined) return;
    if (done === 'deleted') {
      report.count('deleted');
      const mount = deps.scope.mountAtOrigin(path);
      context.deleted.set(mount, (context.deleted.get(mount) ?? 0) + 1);
    }
    bucket.forget(path);
  };
  await inParallel(confirmed, signal, remove, deps.copyPool);
  return retained;
}

/** For a copy that is not claimed here: the claim of that secret is in its own bucket. */
const UNCLAIMED: Insight = { version: 0, updateTime: '', type: '' };
