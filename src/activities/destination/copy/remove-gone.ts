import { bucketId } from '../../../rules/bucket';
import type { Insight } from '../../../rules/insight';
import { pathFailureClass } from '../../shared/failures';
import { inParallel } from '../../../concurrency/work-pool';
import { throwOutage } from '../../shared/outages';
import type { OpenBucket } from '../../../sync-info/ledger';
import type { CopyContext } from './copy-bucket';
import { copySecret } from './copy-secret';
import { absenceAtOrigin, deleteSecret } from '../deletes/delete-secret';

/** What the destination's bucket names and should not. */
export interface Leaving {
  /** The origin's bucket lacks it. */
  readonly gone: readonly string[];
  /** Not wanted any more, and to be deleted (`deleteExcluded`). */
  readonly unwanted: readonly string[];
}

/**
 * Deletes what the origin has no more. Each delete is asked back at the origin, and marked as version 0 before
 * it happens: after a crash in between, a secret that the origin has again reads as an update.
 *
 * @returns how many are kept on purpose
 */
export async function removeGone(
  context: CopyContext,
  id: number,
  bucket: OpenBucket<Insight>,
  { gone, unwanted }: Leaving,
  signal: AbortSignal,
): Promise<number> {
  const { deps, mounts, report } = context;
  const numBuckets = context.values.sides.originIndex?.length ?? 0;
  if (gone.length + unwanted.length === 0) return 0;
  let held = 0;
  const hold = (): void => {
    held += 1;
    report.count('held');
  };
  const attempt = async <T>(
    path: string,
    stop: AbortSignal,
    work: () => Promise<T>,
  ): Promise<T | undefined> => {
    try {
      return await work();
    } catch (error) {
      if (stop.aborted) throw error;
      throwOutage(error);
      context.incomplete.add(id);
      report.fail(path, pathFailureClass(error), 'unknown');
      return undefined;
    }
  };

  const confirmed: { path: string; isUnwanted: boolean }[] = [];
  const leaving = [
    ...gone.map((path) => ({ path, isUnwanted: false })),
    ...unwanted.map((path) => ({ path, isUnwanted: true })),
  ];
  await inParallel(
    leaving,
    signal,
    async ({ path, isUnwanted }, stop) => {
      const [owner, ...others] = context.targets.sourcesOf(deps.scope.target(path));
      if (others.length > 0) {
        // Several belong there, and none of them is written: what stands there stays, and is named until one is left.
        hold();
        context.incomplete.add(id);
      } else if (owner !== undefined) {
        // Another secret of the origin belongs there: its value has to stand there, whoever wrote last.
        const done = await attempt(path, stop, () =>
          copySecret(deps, owner, UNCLAIMED, { compareFirst: true, isOurs: true }, stop),
        );
        if (done === undefined) return;
        if (done.did === 'added' || done.did === 'updated') report.count(done.did);
        bucket.forget(path);
      } else if (isUnwanted) confirmed.push({ path, isUnwanted });
      else {
        const place = deps.scope.placeAtOrigin(path);
        const absence = await attempt(path, stop, () => absenceAtOrigin(deps, place, mounts, stop));
        if (absence === 'absent') confirmed.push({ path, isUnwanted });
        else if (absence === 'served' && bucketId(path, numBuckets) !== id) {
          // Its claim belongs into another bucket, where it is compared.
          bucket.forget(path);
        } else if (absence !== undefined) {
          hold();
          // It came back after its info was written. If it goes again before the next, the info stays as it is: only
          // another question can tell.
          if (absence === 'served' && deps.scope.isPublished(path)) context.incomplete.add(id);
        }
      }
    },
    deps.copyPool,
  );
  for (const { path } of confirmed) bucket.unverify(path);
  await bucket.flush();
  await inParallel(
    confirmed,
    signal,
    async ({ path, isUnwanted }, stop) => {
      const done = await attempt(path, stop, () => deleteSecret(deps, path, isUnwanted, mounts, stop));
      if (done === undefined) return;
      if (done === 'held') {
        hold();
        context.incomplete.add(id);
        return;
      }
      if (done === 'deleted') {
        report.count('deleted');
        const mount = deps.scope.mountAtOrigin(path);
        context.deleted.set(mount, (context.deleted.get(mount) ?? 0) + 1);
      }
      bucket.forget(path);
    },
    deps.copyPool,
  );
  return held;
}

/** For a copy that is not claimed here: the claim of that secret stands in its own bucket. */
const UNCLAIMED: Insight = { version: 0, updateTime: '', type: '' };
