import { absenceAtOrigin } from '../deletes/delete-secret';
import type { DestinationDeps } from '../base/deps';
import { heldDeletes, type DeleteCandidate } from '../deletes/guard-deletes';
import { pathFailureClass } from '../../shared/failures';
import { inParallel } from '../../../concurrency/work-pool';
import type { PendingDeletes } from '../../../contract/destination';
import type { PlanInputs } from './plan-inputs';
import type { PlannedAction } from './plan';

/** Puts a decision about a path into the plan. */
export type Put = (action: PlannedAction, path: string, why: string) => void;

/**
 * Decides about what the origin's info lacks: asked at the origin, as a cycle would.
 *
 * @returns the deletes that would wait for an approval
 */
export async function planDeletes(
  deps: DestinationDeps,
  inputs: PlanInputs,
  leaving: readonly DeleteCandidate[],
  put: Put,
  signal: AbortSignal,
): Promise<PendingDeletes | undefined> {
  if (leaving.length === 0) return undefined;
  if (deps.config.ignoreDeletes) {
    for (const { path } of leaving) put('hold', path, 'ignoreDeletes');
    return undefined;
  }
  const candidates = leaving.filter(
    ({ path, unwanted }) => unwanted || deps.scope.placeAtOrigin(path) !== undefined,
  );
  const { held } = await heldDeletes(deps, { ...inputs, candidates }, signal);
  await inParallel(
    leaving,
    signal,
    async (candidate, stop) => {
      const { path } = candidate;
      const kept = await whyKept(deps, inputs, candidate, stop);
      if (kept !== undefined) put('hold', path, kept);
      else if (held !== undefined) put('hold', path, `waits for "vsync approve": ${held.reason}`);
      else if (candidate.unwanted) put('delete', path, 'include or exclude leave it out now');
      else put('delete', path, 'the origin says that it is gone');
    },
    deps.copyPool,
  );
  return held;
}

/** Why it would not be deleted even if the guard lets it. */
async function whyKept(
  deps: DestinationDeps,
  { targets, mounts }: PlanInputs,
  { path, unwanted }: DeleteCandidate,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (targets.sourcesOf(deps.scope.target(path)).length > 0)
    return 'another secret of the origin belongs at its place';
  if (!targets.complete) return "the origin's sync info is being written";
  if (unwanted) return undefined;
  const place = deps.scope.placeAtOrigin(path);
  const absence = await absenceAtOrigin(deps, place, mounts, signal).catch(pathFailureClass);
  if (absence === 'absent') return undefined;
  return ABSENCES[absence] ?? `the origin cannot say whether it is gone (${absence})`;
}

const ABSENCES: Readonly<Record<string, string>> = {
  served: "the origin still serves it, although the origin's sync info lacks it",
  withdrawn: 'its mount is not one of origin.mounts any more',
};
