import { placesInUse } from '../deletes/delete-orphans';
import type { DestinationDeps } from '../base/deps';
import { diffIndices } from '../cycle/diff-indices';
import { CONFIGURATION_CHANGED, readMoving } from '../claims/move-claims';
import { preflight } from '../cycle/preflight';
import type { Orphan } from '../../../sync-info/orphans';
import { readDestinationState } from '../../../sync-info/state';
import { hashBucket } from '../../../rules/bucket';
import { hashOfDeletes } from '../../../rules/delete-guard';
import { bytewise } from '../../../rules/paths';
import { hashSettingsBucket } from '../../../rules/settings';
import { readOwn, type OwnBucket } from './plan-inputs';
import type { Plan } from './plan';
import { planBuckets } from './plan-buckets';
import { plannedSettings, type PlannedSettings } from './plan-settings';

/**
 * Works out what a cycle of a destination would do now, by the same rules and from the same sync info. Writes
 * nothing, and reads no secret's value.
 *
 * @throws as the activities of a cycle: a cycle could not work either
 */
export async function planCycle(deps: DestinationDeps, signal: AbortSignal): Promise<Plan> {
  const notes: string[] = [];
  const checked = await preflight(deps, signal);
  for (const { path, class: why } of checked.failures)
    notes.push(`${path}: ${why}: nothing of this mount is deleted before "vsync approve --mount ${path}"`);
  const diff = await diffIndices(
    deps,
    {
      v: 1,
      fingerprint: deps.fingerprint,
      changed: checked.changed,
      ...(checked.expired && { expired: checked.expired }),
    },
    signal,
  );
  const { index } = await deps.originInfo.readIndex(signal);
  const orphans = await deps.orphans.read(signal);
  if (diff.considered === undefined || index === undefined) {
    notes.push('the origin has not written any sync info yet');
    return { name: deps.config.name, planned: [], orphans: listed(orphans), notes };
  }
  const { state } = await readDestinationState(deps.info, signal);
  const targets = await deps.targets.load(index, signal);
  let own: OwnBucket[];
  let settings: PlannedSettings | undefined;
  if (diff.note !== undefined) notes.push(diff.note);
  if (diff.unknownSettings !== undefined) {
    const { path, class: why } = diff.unknownSettings;
    notes.push(`${path}: ${why}: no settings are carried over now`);
  }
  let suspended = state?.suspended;
  // A move drops what was approved before it.
  const decidedBy = diff.move ? undefined : state;
  if (diff.move) {
    const { moved, own: before, settings: ofSettings } = await readMoving(deps, checked.ownMounts, signal);
    if (checked.changed) {
      notes.push(`${CONFIGURATION_CHANGED}: what is claimed at another place now is copied to its new one`);
      if (state === undefined || state.config !== deps.fingerprint) suspended = CONFIGURATION_CHANGED;
    }
    if (before.index !== undefined && before.index.length !== index.length)
      notes.push(`the number of buckets changes from ${before.index.length} to ${index.length}`);
    const since = new Date().toISOString();
    for (const [target, of] of moved.orphans) if (!orphans.has(target)) orphans.set(target, { of, since });
    const movedSettings = ofSettings.moved.buckets;
    settings = await plannedSettings(deps, index.length, movedSettings, signal);
    own = moved.buckets
      .map((named, id) => ({ id, named, trusted: true }))
      .filter(({ id, named }) => {
        const sameSettings = hashSettingsBucket(movedSettings[id] ?? new Map()) === settings?.index[id];
        return hashBucket(named) !== index[id] || (settings !== undefined && !sameSettings);
      });
  } else {
    settings = await plannedSettings(deps, index.length, undefined, signal);
    own = await readOwn(deps, diff.groups.flat(), signal);
    if (diff.retained > 0)
      notes.push(`${diff.retained} secrets are kept on purpose, as in the cycles before`);
  }
  const made = await planBuckets(
    deps,
    {
      own,
      index,
      targets,
      mounts: checked.mounts,
      state: decidedBy,
      suspended,
      settings,
      lookAtExpiries: diff.expiries !== undefined,
    },
    signal,
  );
  const places = orphans.size === 0 ? undefined : await placesInUse(deps, signal);
  if (orphans.size > 0 && places === undefined)
    notes.push("the origin's sync info is being written: some orphans may be none");
  const left = new Map([...orphans].filter(([target]) => places?.inUse(target) !== true));
  const isNoted = !diff.move && orphans.size > 0;
  return {
    name: deps.config.name,
    ...made,
    orphans: listed(left),
    ...(isNoted ? { orphansHash: hashOfDeletes([...orphans.keys()]) } : {}),
    notes,
  };
}

function listed(orphans: ReadonlyMap<string, Orphan>): Plan['orphans'] {
  return [...orphans].map(([at, orphan]) => ({ at, ...orphan })).sort((a, b) => bytewise(a.at, b.at));
}
