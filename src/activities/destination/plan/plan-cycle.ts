import { inParallel } from '../../../concurrency/work-pool';
import { COPY_BUCKETS } from '../../../limits';
import type { Insight } from '../../../rules/insight';
import type { DeleteCandidate } from '../../../rules/plan';
import { differingBuckets } from '../../../rules/bucket';
import { BucketExpiries } from '../../../sync-info/expiries';
import { Fence } from '../../../sync-info/commits';
import { IndexedBuckets } from '../../../sync-info/indexed-buckets';
import type { Ledger } from '../../../sync-info/ledger';
import { readOriginSettings } from '../base/settings-indices';
import { ledgersOf, openLedgers, planBucket, type PlanContext } from '../copy/plan-bucket';
import { describeBucket, type Plan, type Planned, type PlannedAction } from './plan';
import { planDeletes, type DeletesToPlan } from './plan-deletes';
import { placesInUse } from '../deletes/delete-orphans';
import type { DestinationDeps } from '../base/deps';
import { diffIndices } from '../cycle/diff-indices';
import { CONFIGURATION_CHANGED, readMoving } from '../claims/move-claims';
import { preflight } from '../cycle/preflight';
import type { Orphan } from '../../../sync-info/orphans';
import { readDestinationState } from '../../../sync-info/state';
import { hashOfDeletes } from '../../../rules/delete-guard';
import { bytewise } from '../../../rules/paths';

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
  if (diff.note !== undefined) notes.push(diff.note);
  if (diff.unknownSettings !== undefined) {
    const { path, class: why } = diff.unknownSettings;
    notes.push(`${path}: ${why}: no settings are carried over now`);
  }
  let suspended = state?.suspended;
  let ledgers: Ledgers;
  let ids = diff.groups.flat();
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
    ledgers = await movedLedgers(
      deps,
      index,
      { values: moved.buckets, settings: ofSettings.moved.buckets },
      signal,
    );
    ids = differingIds(ledgers);
  } else {
    ledgers = await openLedgers(deps, index, await deps.info.readIndex(signal), signal);
    if (diff.retained > 0)
      notes.push(`${diff.retained} secrets are kept on purpose, as in the cycles before`);
  }
  const context = { deps, ...ledgers, targets, checkExpiries: diff.expiries !== undefined };
  const { mounts } = checked;
  const made = await planBuckets(
    context,
    ids,
    { index, targets, mounts, state: decidedBy, suspended },
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

type Ledgers = Pick<PlanContext, 'values' | 'settings' | 'fence'>;

/** Plans every bucket as copySecrets does, and describes the plan instead of applying it. */
async function planBuckets(
  context: PlanContext,
  ids: readonly number[],
  inputs: DeletesToPlan,
  signal: AbortSignal,
): Promise<Pick<Plan, 'planned' | 'held'>> {
  const { deps, settings, fence } = context;
  const planned: Planned[] = [];
  const leaving: DeleteCandidate[] = [];
  const put = (action: PlannedAction, path: string, why: string): void => {
    const to = deps.scope.target(path);
    planned.push({ action, path, ...(to === path ? {} : { to }), why });
  };
  const planOne = async (id: number, stop: AbortSignal): Promise<void> => {
    const bucket = await planBucket(context, id, new BucketExpiries(deps.info.expiries, id, fence), stop);
    if (typeof bucket === 'string') {
      const key = deps.originInfo.bucketKey(id);
      put('hold', key, 'this bucket of the origin does not fit its index: it is skipped');
      return;
    }
    if (settings?.sides.originIndex !== undefined && bucket.settings?.origin === undefined) {
      const key = settings.sides.origin.bucketKey(id);
      put('hold', key, 'these settings of the origin do not fit their index: they are skipped');
    }
    describeBucket(deps, bucket, put);
    leaving.push(...bucket.work.leaving);
  };
  await inParallel(ids, signal, planOne, COPY_BUCKETS);
  const held = await planDeletes(deps, inputs, leaving, put, signal);
  planned.sort((a, b) => bytewise(a.path, b.path));
  return { planned, ...(held === undefined ? {} : { held }) };
}

/** The ledgers as they will be when moveClaims has run: nothing of them is written yet. */
async function movedLedgers(
  deps: DestinationDeps,
  originIndex: readonly string[],
  moved: {
    values: readonly ReadonlyMap<string, Insight>[];
    settings: readonly ReadonlyMap<string, string>[];
  },
  signal: AbortSignal,
): Promise<Ledgers> {
  const { info, originInfo } = deps;
  const { index } = await readOriginSettings(deps, originIndex.length, signal);
  const settings = index && {
    ...unwritten(info.settings, moved.settings),
    origin: originInfo.settings,
    originIndex: index,
  };
  const values = { ...unwritten(info, moved.values), origin: originInfo, originIndex };
  return ledgersOf(new Fence(info, []), values, settings);
}

function unwritten<T>(
  info: IndexedBuckets<T>,
  buckets: readonly ReadonlyMap<string, T>[],
): { own: IndexedBuckets<T>; ownIndex: string[] } {
  const ownIndex = buckets.map((bucket) => info.format.hash(bucket));
  const own = new IndexedBuckets(info.store, info.prefix, info.format);
  own.readBucket = (id) => {
    const bucket = new Map(buckets[id]);
    return Promise.resolve({ bucket, hash: ownIndex[id], revision: 1 });
  };
  return { own, ownIndex };
}

/** The buckets of which the values or the settings differ. */
function differingIds({ values, settings }: Ledgers): number[] {
  const ofLedger = <T>({ sides: { originIndex, ownIndex } }: Ledger<T>): number[] =>
    originIndex === undefined ? [] : differingBuckets(originIndex, ownIndex);
  const ids = [...ofLedger(values), ...(settings === undefined ? [] : ofLedger(settings))];
  return [...new Set(ids)].sort((a, b) => a - b);
}

function listed(orphans: ReadonlyMap<string, Orphan>): Plan['orphans'] {
  return [...orphans].map(([at, orphan]) => ({ at, ...orphan })).sort((a, b) => bytewise(a.at, b.at));
}
