import { inParallel } from '../../../concurrency/work-pool';
import type { PendingDeletes } from '../../../contract/destination';
import type { DeleteCandidate, SettingsReason, ValueReason } from '../../../rules/plan';
import type { Orphan } from '../../../sync-info/orphans';
import { pathFailureClass } from '../../shared/failures';
import type { DestinationDeps } from '../base/deps';
import type { Targets } from '../base/origin-targets';
import type { PlannedBucket } from '../copy/plan-bucket';
import { judgeCandidate } from '../deletes/delete-secret';
import { candidatesOf, heldDeletes, type GuardInput } from '../deletes/guard-deletes';

/**
 * - `add`: the destination is not known to have it
 * - `update`: it changed at the origin
 * - `compare`: both values would be read, and written only if they differ
 * - `settings`: its settings would be carried over (`syncMetadata`); the same path may be in another action too
 * - `delete`: the origin says that it is gone (asked just now), or it is not wanted any more
 * - `hold`: it stays at the destination although the origin's info lacks it
 * - `unknown`: nothing is done with it now, because what the origin has cannot be found out
 * - `refuse`: it would not be copied
 */
export type PlannedAction =
  'add' | 'update' | 'compare' | 'settings' | 'delete' | 'hold' | 'unknown' | 'refuse';

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
  /**
   * What it was made from: when the origin's sync info changed last (RFC 3339; absent if that is not recorded), and the
   * fingerprint of the destination's configuration.
   */
  asOf: { originAt?: string; config: string };
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
    const [action, why] = nowhere === undefined ? VALUES[reason] : (['refuse', nowhere] as const);
    put(action, path, why);
  }
  for (const { path, why, with: other } of work.refused) put('refuse', path, REFUSALS[why](other));
  for (const path of work.excluded)
    put('hold', path, 'include or exclude leave it out now; deleteExcluded is off');
  for (const path of work.itself) if (origin.has(path)) put('hold', path, ITSELF);
  for (const [path, reason] of work.settings) put('settings', path, SETTINGS[reason]);
}

const VALUES: Readonly<Record<ValueReason, readonly [PlannedAction, why: string]>> = {
  new: ['add', 'the destination is not known to have it'],
  changed: ['update', 'it changed at the origin'],
  recreated: [
    'compare',
    'the same version with a later time: it was created anew, or OpenBao wrote its metadata',
  ],
  'not-newer': ['compare', "the origin's is not newer than what was copied"],
  unverified: ['compare', 'its claim is unverified'],
  untrusted: ['compare', 'the bucket that claims it does not fit its index'],
  ended: ['compare', 'its copy has ended by itself (delete_version_after at the destination)'],
};

const SETTINGS: Readonly<Record<SettingsReason, string>> = {
  changed: 'they differ from those that were copied',
  defaults: 'they went back to the defaults',
  unverified: 'their claim is unverified',
};

const ITSELF =
  'origin and destination are one Vault, and no transform leads it elsewhere: it is its own copy';

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

/** What the plan of deletes is made from. */
export type DeletesToPlan = Omit<GuardInput, 'candidates'> & { readonly targets: Targets };

/** Decides about what the origin's info lacks, as a cycle would. @returns the deletes that would wait for an approval */
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
  const planOne = async (candidate: DeleteCandidate, stop: AbortSignal): Promise<void> => {
    const { path, unwanted } = candidate;
    const kept = await whyKept(deps, inputs, candidate, stop);
    if (kept !== undefined) put(kept.action, path, kept.why);
    else if (held !== undefined) put('hold', path, `waits for "vsync approve": ${held.reason}`);
    else if (unwanted) put('delete', path, 'include or exclude leave it out now');
    else put('delete', path, 'the origin says that it is gone');
  };
  await inParallel(leaving, signal, planOne, deps.copyPool);
  return held;
}

/** Why it would not be deleted even if the guard lets it: a cycle asks the same ({@link judgeCandidate}). */
async function whyKept(
  deps: DestinationDeps,
  { targets, mounts }: DeletesToPlan,
  candidate: DeleteCandidate,
  signal: AbortSignal,
): Promise<{ action: 'hold' | 'unknown'; why: string } | undefined> {
  // Which secrets belong at its place is only known when all buckets of the origin can be read.
  if (!targets.complete && targets.sourcesOf(deps.scope.target(candidate.path)).length === 0)
    return { action: 'unknown', why: "the origin's sync info is being written" };
  const judged = judgeCandidate({ deps, targets, mounts }, candidate, signal);
  const is: string = await judged.then((answer) => answer.is, pathFailureClass);
  if (is === 'gone') return undefined;
  const why = KEPT[is];
  if (why !== undefined) return { action: 'hold', why };
  return { action: 'unknown', why: `the origin does not answer whether it is gone (${is})` };
}

const KEPT: Readonly<Record<string, string>> = {
  taken: 'another secret of the origin belongs at its place',
  served: "the origin still serves it, although the origin's sync info lacks it",
  withdrawn: 'its mount is not one of origin.mounts any more',
};
