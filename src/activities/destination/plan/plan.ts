import type { Orphan } from '../../../sync-info/orphans';
import type { PendingDeletes } from '../../../contract/destination';
import type { SettingsReason, ValueReason } from '../../../rules/plan';
import type { DestinationDeps } from '../base/deps';
import type { PlannedBucket } from '../copy/plan-bucket';

/**
 * - `add`: the destination is not known to have it
 * - `update`: it changed at the origin
 * - `compare`: both values would be read, and written only if they differ
 * - `settings`: its settings would be carried over (`syncMetadata`); the same path may be in another action too
 * - `delete`: the origin says that it is gone (asked just now), or it is not wanted any more
 * - `hold`: it stays at the destination although the origin's info lacks it
 * - `refuse`: it would not be copied
 */
export type PlannedAction = 'add' | 'update' | 'compare' | 'settings' | 'delete' | 'hold' | 'refuse';

export interface Planned {
  action: PlannedAction;
  /** Path at the origin, as sync info names it. */
  path: string;
  /** Path at the destination, where it is another one. */
  to?: string;
  why: string;
}

/** What the next cycle would do. */
export interface Plan {
  name: string;
  /** Sorted by path. */
  planned: Planned[];
  /** Deletes that would wait for `vsync approve`; `hash` names the set. */
  held?: PendingDeletes;
  /** Secrets at places of the destination where nothing belongs any more, by data path. */
  orphans: ({ at: string } & Orphan)[];
  /** Names the list of orphans as it is noted; absent if it is empty, or if the next cycle changes it first. */
  orphansHash?: string;
  /** What else there is to know: the origin has no sync info yet, a mount was re-created, … */
  notes: string[];
}

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

/** Why a secret is not copied, with the other path. */
export const REFUSALS = {
  collision: (other: string) => `${other} would land on the same path; neither is copied`,
  loop: (other: string) =>
    `origin and destination are one Vault, and ${other} would be its copy or its source; exclude the copies, or ` +
    'change the transforms',
} as const;

function whyNowhere({ scope }: DestinationDeps, path: string): string | undefined {
  if (scope.placeAtOrigin(path) === undefined) return 'it is below none of origin.mounts';
  return scope.placeAtDestination(path) === undefined ? 'the transforms make no data path of it' : undefined;
}
