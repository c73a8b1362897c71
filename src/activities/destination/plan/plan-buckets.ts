import type { DeleteCandidate } from '../deletes/guard-deletes';
import { duePaths } from '../../../sync-info/expiries';
import type { DestinationDeps } from '../base/deps';
import { readBuckets, fits } from '../../../sync-info/indexed-buckets';
import { type Bucket } from '../../../rules/bucket';
import { bytewise } from '../../../rules/paths';
import { isCopiedOf, planBucket } from '../../../rules/plan';
import type { PlanInputs } from './plan-inputs';
import type { Plan, Planned, PlannedAction } from './plan';
import { planDeletes } from './plan-deletes';
import { planSettings } from './plan-settings';

/** Decides about every path of the buckets that differ. */
export async function planBuckets(
  deps: DestinationDeps,
  inputs: PlanInputs,
  signal: AbortSignal,
): Promise<Pick<Plan, 'planned' | 'held'>> {
  const { own, index, targets } = inputs;
  const planned: Planned[] = [];
  const leaving: DeleteCandidate[] = [];
  const put = (action: PlannedAction, path: string, why: string): void => {
    const to = deps.scope.target(path);
    planned.push({ action, path, ...(to === path ? {} : { to }), why });
  };
  const ids = own.map(({ id }) => id);
  const origin = await readBuckets(deps.originInfo, ids, signal);
  for (const { id, named, trusted } of own) {
    const theirs = origin.get(id);
    if (!fits(theirs, index[id])) {
      put(
        'hold',
        deps.originInfo.bucketKey(id),
        'this bucket of the origin does not fit its index: it is skipped',
      );
      continue;
    }
    const { bucket } = theirs;
    const claims: Bucket = trusted ? named : new Map();
    const plan = planBucket(bucket, claims, named.keys(), deps.scope, targets);
    for (const path of plan.add) {
      const place = whyNowhere(deps, path);
      if (place !== undefined) put('refuse', path, place);
      else if (trusted || !named.has(path)) put('add', path, 'the destination is not known to have it');
      else put('compare', path, 'the bucket that claims it does not fit its index');
    }
    for (const path of plan.update) {
      const claimed = claims.get(path)?.version;
      if (claimed === 0) put('compare', path, 'what is known of it is in doubt');
      else if (claimed === bucket.get(path)?.version)
        put(
          'compare',
          path,
          'the same version with a later time: it was created anew, or OpenBao wrote its metadata',
        );
      else put('update', path, 'it changed at the origin');
    }
    for (const path of plan.verify) put('compare', path, "the origin's is not newer than what was copied");
    for (const { path, why, with: other } of plan.refused) put('refuse', path, REFUSALS[why](other));
    for (const path of plan.unwanted) {
      if (deps.config.destination.deleteExcluded) leaving.push({ path, unwanted: true });
      else put('hold', path, 'include or exclude leave it out now; deleteExcluded is off');
    }
    for (const path of plan.itself.filter((one) => bucket.has(one)))
      put(
        'hold',
        path,
        'origin and destination are one Vault, and no transform leads it elsewhere: it is its own copy',
      );
    if (inputs.lookAtExpiries) {
      const dealtWith = new Set([...plan.add, ...plan.update, ...plan.verify]);
      const isCopied = isCopiedOf(bucket, deps.scope, targets);
      const noted = await deps.info.expiries.readBucket(id, signal);
      for (const path of duePaths(noted, Date.now(), bucket.keys()))
        if (isCopied(path) && !dealtWith.has(path))
          put('compare', path, 'its copy has ended by itself (delete_version_after at the destination)');
    }
    if (inputs.settings !== undefined)
      await planSettings(deps, inputs.settings, { id, origin: bucket, targets }, put, signal);
    for (const path of plan.gone) leaving.push({ path, unwanted: false });
  }
  const held = await planDeletes(deps, inputs, leaving, put, signal);
  planned.sort((a, b) => bytewise(a.path, b.path));
  return { planned, ...(held === undefined ? {} : { held }) };
}

const REFUSALS = {
  collision: (other: string) => `${other} would land on the same path; neither is copied`,
  loop: (other: string) =>
    `origin and destination are one Vault, and ${other} would be its copy or its source; exclude the copies, or ` +
    'change the transforms',
} as const;

function whyNowhere({ scope }: DestinationDeps, path: string): string | undefined {
  if (scope.placeAtOrigin(path) === undefined) return 'it is below none of origin.mounts';
  return scope.placeAtDestination(path) === undefined ? 'the transforms make no data path of it' : undefined;
}
