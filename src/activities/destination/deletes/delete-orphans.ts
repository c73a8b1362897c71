import type { Orphan } from '../../../sync-info/orphans';
import { readDestinationState, writeOfState } from '../../../sync-info/state';
import { hashOfDeletes } from '../../../rules/delete-guard';
import { compareTimes } from '../../../rules/time';
import type { SecretVersion } from '../../../vault/kv2';
import type { DeleteOrphansInput, DeleteOrphansResult } from '../../../contract/destination';
import { ActivityError } from '../../../contract/failures';
import { failureOfPath } from '../../shared/failures';
import { inParallel } from '../../../concurrency/work-pool';
import { CycleReportBuilder } from '../../shared/cycle-report';
import { deleteAt } from './delete-secret';
import type { DestinationDeps } from '../base/deps';
import { namedPaths } from '../../../sync-info/ledger';

/**
 * Soft-deletes the orphans of exactly the list that an operator has approved. One whose place is in use only leaves the
 * list. What another client wrote there since stays. The list is changed last, so that the activity can be repeated.
 */
export async function deleteOrphans(
  deps: DestinationDeps,
  { hash }: DeleteOrphansInput,
  signal: AbortSignal,
): Promise<DeleteOrphansResult> {
  const { scope, orphans } = deps;
  const report = new CycleReportBuilder();
  const listed = await orphans.read(signal);
  const done: string[] = [];
  if (hashOfDeletes([...listed.keys()]) !== hash) {
    await noteRemaining(deps, listed.size, signal);
    return { v: 1, ...report.result() };
  }
  const places = await placesInUse(deps, signal);
  // A bucket of the origin is being written: the next cycle tries again, with the same approval.
  if (places === undefined) return { v: 1, ...report.result() };
  const removeOne = async ([target, { since, of }]: [string, Orphan], stop: AbortSignal): Promise<void> => {
    const place = scope.placeOfTarget(target);
    const isOurs = ({ createdTime }: SecretVersion): Promise<boolean> =>
      Promise.resolve(compareTimes(createdTime, since) <= 0);
    try {
      if (place === undefined || places.inUse(target)) done.push(target);
      else if (places.isOnlyCopy(of)) report.fail(target, 'only-copy');
      else {
        const did = await deleteAt(deps, place, stop, isOurs);
        if (did === 'held') report.fail(target, 'written-since');
        else done.push(target);
        if (did === 'deleted') report.count('deleted');
      }
    } catch (error) {
      report.fail(target, failureOfPath(error, stop), 'failed', { at: 'destination' });
    }
  };
  await inParallel([...listed], signal, removeOne, deps.copyPool);
  await orphans.remove(done, signal);
  await noteRemaining(deps, listed.size - done.length, signal);
  return { v: 1, ...report.result() };
}

export interface Places {
  /** A secret of the origin belongs there, or one is claimed there. */
  inUse: (target: string) => boolean;
  /** The secret that the orphan was copied for has no other place at the destination yet. */
  isOnlyCopy: (of: string) => boolean;
}

/** @returns undefined if the origin's info cannot be read as a whole */
export async function placesInUse(deps: DestinationDeps, signal: AbortSignal): Promise<Places | undefined> {
  const { originInfo, scope, targets } = deps;
  const { index } = await originInfo.readIndex(signal);
  if (index === undefined) return undefined;
  const all = await targets.loadAll(index, signal);
  if (!all.complete) return undefined;
  const paths = new Set(await namedPaths(deps.info, index.length, signal));
  const claimed = new Set([...paths].map((path) => scope.target(path)));
  return {
    inUse: (target) => claimed.has(target) || all.sourcesOf(target).length > 0,
    // Copied before, wanted still, and not arrived at its new place: the old one may be the only copy.
    isOnlyCopy: (of) => !paths.has(of) && all.sourcesOf(scope.target(of)).includes(of),
  };
}

/** The approval is used up: what is left needs another look. */
async function noteRemaining({ info }: DestinationDeps, count: number, signal: AbortSignal): Promise<void> {
  const { state, revision } = await readDestinationState(info, signal);
  if (state === undefined) return;
  const next = { ...state, orphans: count === 0 ? undefined : { count } };
  if ((await info.store.commit([writeOfState(info, next, revision)], signal)) !== undefined) return;
  throw new ActivityError(
    'Conflict',
    `Consul ${info.store.address}: ${info.stateKey}: somebody else wrote this key at the same moment; trying again`,
    true,
  );
}
