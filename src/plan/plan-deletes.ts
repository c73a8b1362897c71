import { absenceAtOrigin } from '../activities/destination/delete-secret';
import type { DestinationDeps } from '../activities/destination/deps';
import { whyDeletesAreHeld } from '../activities/destination/guard-deletes';
import { pathFailureClass } from '../activities/failures';
import { hashOfDeletes } from '../sync/delete-guard';
import { knownPaths, type Ground } from './ground';
import type { PlannedAction } from './plan';

/** Puts a decision about a path into the plan. */
export type Put = (action: PlannedAction, path: string, why: string) => void;

/** Decides about what the origin's info lacks: asked at the origin, as a cycle would. */
export async function planDeletes(
  deps: DestinationDeps,
  { state, suspended, index, targets, mounts }: Ground,
  leaving: readonly { path: string; why: string }[],
  put: Put,
  signal: AbortSignal,
): Promise<void> {
  const paths = leaving.map(({ path }) => path);
  if (paths.length === 0) return;
  const hold = (why: string): void => {
    for (const path of paths) put('hold', path, why);
  };
  if (deps.config.ignoreDeletes) {
    hold('ignoreDeletes');
    return;
  }
  if (state?.approved !== hashOfDeletes(paths)) {
    const reason = suspended ?? whyDeletesAreHeld(deps, paths, await knownPaths(deps, signal), index);
    if (reason !== undefined) {
      hold(`waits for "vsync approve": ${reason}`);
      return;
    }
  }
  if (!targets.complete) {
    hold("the origin's sync info is being written");
    return;
  }
  await Promise.all(
    leaving.map(({ path, why }) =>
      deps.secretLimit(async () => {
        if (deps.scope.isItself(path) || targets.isTaken(deps.scope.target(path)))
          put('hold', path, 'another secret of the origin belongs at its place');
        else if (why !== '') put('delete', path, why);
        else {
          const absence = await absenceAtOrigin(deps, deps.scope.placeAtOrigin(path), mounts, signal).catch(
            pathFailureClass,
          );
          if (absence === 'absent') put('delete', path, 'the origin says that it is gone');
          else
            put('hold', path, ABSENCES[absence] ?? `the origin cannot say whether it is gone (${absence})`);
        }
      }),
    ),
  );
}

const ABSENCES: Readonly<Record<string, string>> = {
  served: "the origin still serves it, although the origin's sync info lacks it",
  withdrawn: 'its mount is not one of origin.mounts any more',
};
