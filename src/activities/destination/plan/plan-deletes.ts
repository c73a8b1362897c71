import type { DeleteCandidate } from '../../../rules/plan';
import { judgeCandidate } from '../deletes/delete-secret';
import type { DestinationDeps } from '../base/deps';
import { candidatesOf, heldDeletes, type GuardInput } from '../deletes/guard-deletes';
import type { Targets } from '../base/origin-targets';
import { pathFailureClass } from '../../shared/failures';
import { inParallel } from '../../../concurrency/work-pool';
import type { PendingDeletes } from '../../../contract/destination';
import type { Put } from './plan';

/** What the plan of deletes is made from. */
export type DeletesToPlan = Omit<GuardInput, 'candidates'> & { readonly targets: Targets };

/**
 * Decides about what the origin's info lacks: asked at the origin, as a cycle would.
 *
 * @returns the deletes that would wait for an approval
 */
export async function planDeletes(
  deps: DestinationDeps,
  inputs: DeletesToPlan,
  leaving: readonly DeleteCandidate[],
  put: Put,
  signal: AbortSignal,
): Promise<PendingDeletes | undefined> {
  if (leaving.length === 0) return undefined;
  if (deps.config.ignoreDeletes) {
    for (const { path } of leaving) put('hold', path, 'ignoreDeletes');
    return undefined;
  }
  const candidates = candidatesOf(deps, leaving);
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

/** Why it would not be deleted even if the guard lets it: a cycle asks the same ({@link judgeCandidate}). */
async function whyKept(
  deps: DestinationDeps,
  { targets, mounts }: DeletesToPlan,
  candidate: DeleteCandidate,
  signal: AbortSignal,
): Promise<string | undefined> {
  const judge = (): Promise<string> =>
    judgeCandidate({ deps, targets, mounts }, candidate, signal).then(({ is }) => is, pathFailureClass);
  // Which secrets belong at its place is only known when all buckets of the origin can be read.
  if (!targets.complete && targets.sourcesOf(deps.scope.target(candidate.path)).length === 0)
    return "the origin's sync info is being written";
  const is = await judge();
  return is === 'gone' ? undefined : (KEPT[is] ?? `the origin cannot say whether it is gone (${is})`);
}

const KEPT: Readonly<Record<string, string>> = {
  taken: 'another secret of the origin belongs at its place',
  served: "the origin still serves it, although the origin's sync info lacks it",
  withdrawn: 'its mount is not one of origin.mounts any more',
};
