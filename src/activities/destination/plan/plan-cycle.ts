import { inParallel } from '../../../concurrency/work-pool';
import type { DestinationPreflightResult } from '../../../contract/destination';
import { COPY_BUCKETS } from '../../../limits';
import { differingBuckets } from '../../../rules/bucket';
import { hashOfDeletes } from '../../../rules/delete-guard';
import { bytewise } from '../../../rules/paths';
import type { DeleteCandidate } from '../../../rules/plan';
import { BucketExpiries } from '../../../sync-info/expiries';
import { Fence } from '../../../sync-info/commits';
import { IndexedBuckets } from '../../../sync-info/indexed-buckets';
import type { Ledger } from '../../../sync-info/ledger';
import type { Orphan } from '../../../sync-info/orphans';
import { readDestinationState, readOriginState, type DestinationState } from '../../../sync-info/state';
import type { DestinationDeps } from '../base/deps';
import { readOriginSettings } from '../base/settings-indices';
import { CONFIGURATION_CHANGED, readMoving } from '../claims/move-claims';
import { ledgersOf, openLedgers, planBucket, type Ledgers, type PlanContext } from '../copy/plan-bucket';
import { diffIndices } from '../cycle/diff-indices';
import { preflight } from '../cycle/preflight';
import { placesInUse } from '../deletes/delete-orphans';
import {
  describeBucket,
  planDeletes,
  type DeletesToPlan,
  type Plan,
  type Planned,
  type PlannedAction,
} from './plan';

/** What a cycle of a destination would do now. Writes nothing, reads no secret's value, and throws as a cycle does. */
export async function planCycle(deps: DestinationDeps, signal: AbortSignal): Promise<Plan> {
  const { config, fingerprint, info, originInfo } = deps;
  const { name } = config;
  const checked = await preflight(deps, signal);
  const { mounts, changed, expired } = checked;
  const notes = checked.failures.map(
    ({ path, class: why }) =>
      `${path}: ${why}: nothing of this mount is deleted before "vsync approve --mount ${path}"`,
  );
  const diff = await diffIndices(deps, { v: 1, fingerprint, changed, ...(expired && { expired }) }, signal);
  const { index } = await originInfo.readIndex(signal);
  const { state: ofOrigin } = await readOriginState(originInfo, signal);
  const asOf = { ...(ofOrigin?.last && { originAt: ofOrigin.last.finishedAt }), config: fingerprint };
  const orphans = await deps.orphans.read(signal);
  if (diff.considered === undefined || index === undefined) {
    notes.push('the origin has not written any sync info yet');
    return { name, asOf, planned: [], orphans: listed(orphans), notes };
  }
  const { state } = await readDestinationState(info, signal);
  const targets = await deps.targets.load(index, signal);
  if (diff.note !== undefined) notes.push(diff.note);
  if (diff.unknownSettings !== undefined) {
    const { path, class: why } = diff.unknownSettings;
    notes.push(`${path}: ${why}: no settings are carried over now`);
  }
  const basis = diff.move
    ? await afterMove(deps, { checked, index, state, orphans, notes }, signal)
    : {
        ledgers: await openLedgers(deps, index, await info.readIndex(signal), signal),
        ids: diff.groups.flat(),
        decided: { state, suspended: state?.suspended },
      };
  if (diff.retained > 0) notes.push(`${diff.retained} secrets are kept on purpose, as in the cycles before`);
  const context = { deps, ...basis.ledgers, targets, checkExpiries: diff.expiries !== undefined };
  const made = await planBuckets(context, basis.ids, { index, targets, mounts, ...basis.decided }, signal);
  const places = orphans.size === 0 ? undefined : await placesInUse(deps, signal);
  if (orphans.size > 0 && places === undefined)
    notes.push("the origin's sync info is being written: some orphans may be none");
  const left = new Map([...orphans].filter(([target]) => places?.inUse(target) !== true));
  const isNoted = !diff.move && orphans.size > 0;
  return {
    name,
    asOf,
    ...made,
    orphans: listed(left),
    ...(isNoted && { orphansHash: hashOfDeletes([...orphans.keys()]) }),
    notes,
  };
}

interface BeforeMove {
  readonly checked: DestinationPreflightResult;
  /** The origin's. */
  readonly index: readonly string[];
  readonly state: DestinationState | undefined;
  /** The move adds to them. */
  readonly orphans: Map<string, Orphan>;
  readonly notes: string[];
}

/** What the cycle goes on from when it has moved the claims. Nothing of it is written yet. */
async function afterMove(
  deps: DestinationDeps,
  { checked, index, state, orphans, notes }: BeforeMove,
  signal: AbortSignal,
) {
  const { info, originInfo, fingerprint } = deps;
  const { moved, own, settings } = await readMoving(deps, checked.ownMounts, signal);
  if (checked.changed)
    notes.push(`${CONFIGURATION_CHANGED}: what is claimed at another place now is copied to its new one`);
  if (own.index !== undefined && own.index.length !== index.length)
    notes.push(`the number of buckets changes from ${own.index.length} to ${index.length}`);
  const since = new Date().toISOString();
  for (const [target, of] of moved.orphans) if (!orphans.has(target)) orphans.set(target, { of, since });
  const { index: ofSettings } = await readOriginSettings(deps, index.length, signal);
  const ledgers = ledgersOf(
    new Fence(info, []),
    { ...unwritten(info, moved.buckets), origin: originInfo, originIndex: index },
    ofSettings && {
      ...unwritten(info.settings, settings.moved.buckets),
      origin: originInfo.settings,
      originIndex: ofSettings,
    },
  );
  const isSuspended = checked.changed && state?.config !== fingerprint;
  // A move drops what was approved before it.
  const decided = { state: undefined, suspended: isSuspended ? CONFIGURATION_CHANGED : state?.suspended };
  return { ledgers, ids: differingIds(ledgers), decided };
}

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
      put('unknown', key, 'this bucket of the origin does not fit its index: it is skipped');
      return;
    }
    if (settings?.sides.originIndex !== undefined && bucket.settings?.origin === undefined) {
      const key = settings.sides.origin.bucketKey(id);
      put('unknown', key, 'these settings of the origin do not fit their index: they are skipped');
    }
    describeBucket(deps, bucket, put);
    leaving.push(...bucket.work.leaving);
  };
  await inParallel(ids, signal, planOne, COPY_BUCKETS);
  const held = await planDeletes(deps, inputs, leaving, put, signal);
  planned.sort((a, b) => bytewise(a.path, b.path));
  return { planned, ...(held === undefined ? {} : { held }) };
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
