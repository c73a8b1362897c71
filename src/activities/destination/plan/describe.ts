import type { SettingsReason, ValueReason } from '../../../rules/plan';
import type { DestinationDeps } from '../base/deps';
import type { PlannedBucket } from '../copy/plan-bucket';
import type { PlannedAction } from './plan';

/** Adds one path to the plan that is shown. */
export type Put = (action: PlannedAction, path: string, why: string) => void;

/** Describes all of one planned bucket but its deletes. */
export function describeBucket(deps: DestinationDeps, { origin, work }: PlannedBucket, put: Put): void {
  for (const [path, reason] of work.values) {
    const nowhere = reason === 'new' || reason === 'untrusted' ? whyNowhere(deps, path) : undefined;
    if (nowhere !== undefined) put('refuse', path, nowhere);
    else put(...VALUES[reason](path));
  }
  for (const { path, why, with: other } of work.refused) put('refuse', path, REFUSALS[why](other));
  for (const path of work.excluded)
    put('hold', path, 'include or exclude leave it out now; deleteExcluded is off');
  for (const path of work.itself.filter((one) => origin.has(one)))
    put(
      'hold',
      path,
      'origin and destination are one Vault, and no transform leads it elsewhere: it is its own copy',
    );
  for (const [path, reason] of work.settings) put('settings', path, SETTINGS[reason]);
}

const as =
  (action: PlannedAction, why: string) =>
  (path: string): [PlannedAction, string, string] => [action, path, why];

const VALUES: Readonly<Record<ValueReason, (path: string) => [PlannedAction, string, string]>> = {
  new: as('add', 'the destination is not known to have it'),
  changed: as('update', 'it changed at the origin'),
  recreated: as(
    'compare',
    'the same version with a later time: it was created anew, or OpenBao wrote its metadata',
  ),
  'not-newer': as('compare', "the origin's is not newer than what was copied"),
  unverified: as('compare', 'its claim is unverified'),
  untrusted: as('compare', 'the bucket that claims it does not fit its index'),
  ended: as('compare', 'its copy has ended by itself (delete_version_after at the destination)'),
};

const SETTINGS: Readonly<Record<SettingsReason, string>> = {
  changed: 'they differ from those that were copied',
  defaults: 'they went back to the defaults',
  unverified: 'their claim is unverified',
};

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
