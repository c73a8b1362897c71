import { isDeepStrictEqual } from 'node:util';
import { isTooLarge } from '../../../consul/errors';
import {
  readKnownDifferences,
  knownDifference,
  writeOfKnownDifferences,
  type KnownDifference,
} from '../../../sync-info/known-differences';
import {
  mountsAfter,
  readDestinationState,
  stateDiffers,
  writeOfState,
  type DestinationState,
  type LastCycle,
} from '../../../sync-info/state';
import type { SyncInfo } from '../../../sync-info/sync-info';
import { readDirtyMarker, removeDirtyMarker } from '../../../sync-info/commits';
import { saveIndex, SETTINGS, VALUES } from '../../../sync-info/ledger';
import { originVersionOf, isVersionOf } from '../../../rules/bucket';
import { NO_EXPIRY, NOT_COUNTED, sumOf, type ExpirySummary } from '../../../rules/expiry';
import { hashOfDeletes, noteDeletes } from '../../../rules/delete-guard';
import type { SaveDestinationInput, SaveDestinationResult } from '../../../contract/destination';
import { STATE_ATTEMPTS } from '../../../limits';
import { assertSyncName } from '../../../access/sync-path';
import { countExpiries } from '../../../sync-info/expiries';
import { commitInfo, conflict } from '../../../sync-info/commits';
import type { DestinationDeps } from '../base/deps';
import { byMount, deleteCandidates } from '../deletes/guard-deletes';
import { readOriginSettings, readOwnSettings } from '../base/settings-indices';

/**
 * Saves the destination's index, that of the settings, then its state. The index is made from what the buckets in
 * Consul contain, so it never claims more than they do, whatever became of the cycle.
 *
 * @param run id of the cycle's run
 * @throws ActivityError `Conflict` if another cycle saved in the meantime
 */
export async function saveSyncInfo(
  deps: DestinationDeps,
  input: SaveDestinationInput,
  signal: AbortSignal,
  run: string,
): Promise<SaveDestinationResult> {
  const { info, originInfo } = deps;
  const { state: before } = await readDestinationState(info, signal);
  assertSyncName(info, before, deps.config.name);
  const unsaved = await readDirtyMarker(info, signal);
  const origin = await originInfo.readIndex(signal);
  const own = await info.readIndex(signal);
  // If the origin took another number in the meantime, the next cycle moves the claims. An index of the new number
  // would say that they have moved, and those in the other buckets would be lost.
  const numBuckets = own.index?.length ?? origin.index?.length ?? 0;
  const ids = own.index === undefined ? [...new Array<void>(numBuckets).keys()] : input.buckets;
  const values = { stored: own, revision: input.indexRevision, numBuckets, ids };
  const saved = await saveIndex(VALUES, info, values, signal);
  const settings = await saveSettings(deps, { ids, revision: input.settingsRevision, numBuckets }, signal);
  const indices = { origin: origin.index ?? [], own: saved.index, settings };
  const known = await saveKnownDifferences(deps, input, indices, signal);
  let writes = saved.writes + (settings?.writes ?? 0) + known;
  const since = { writes, index: origin.index, numBuckets, last: before?.last, run };
  writes += await saveState(deps, input, since, signal);
  await removeDirtyMarker(info, unsaved, signal);
  // The lists of a verify. After the save, so that a slow clean-up delays nothing.
  await deps.staging.removeExpiredSometimes(signal);
  return { v: 1, writes };
}

/** The two indices of settings after a save. */
interface SavedSettings {
  readonly origin: readonly string[];
  readonly own: readonly string[];
  readonly writes: number;
}

/**
 * Saves the index of the settings that were carried over.
 *
 * @param revision of the index before the work; undefined if settings are not carried over
 * @returns undefined if they are not, or if the origin's cannot be read now
 */
async function saveSettings(
  deps: DestinationDeps,
  { ids, revision, numBuckets }: { ids: readonly number[]; revision: number | undefined; numBuckets: number },
  signal: AbortSignal,
): Promise<SavedSettings | undefined> {
  if (revision === undefined) return undefined;
  const { index: origin } = await readOriginSettings(deps, numBuckets, signal);
  if (origin === undefined) return undefined;
  const stored = await readOwnSettings(deps, numBuckets, signal);
  const toSave = { stored, revision, numBuckets, ids };
  const { index: own, writes } = await saveIndex(SETTINGS, deps.info.settings, toSave, signal);
  return { origin, own, writes };
}

/** The indices after the cycle. */
interface Indices {
  origin: readonly string[];
  own: readonly string[];
  settings: SavedSettings | undefined;
}

/** Notes which of the differing buckets are done with. Those of other buckets stay as they are noted. */
async function saveKnownDifferences(
  { info, fingerprint }: DestinationDeps,
  input: SaveDestinationInput,
  { origin, own, settings }: Indices,
  signal: AbortSignal,
): Promise<number> {
  if (input.buckets.length === 0) return 0;
  const before = await readKnownDifferences(info, signal);
  const dealtWith = new Set(input.buckets);
  const kept = before.rules === fingerprint ? [...before.buckets].filter(([id]) => !dealtWith.has(id)) : [];
  // If the origin has published more in the meantime, these buckets are not done.
  const isCurrent = originVersionOf(origin, settings?.origin) === input.considered;
  const settled = (isCurrent ? input.knownDifferences : []).flatMap(
    ([id, held]): [number, KnownDifference][] => {
      const theirs = { insights: origin[id], settings: settings?.origin[id] };
      const ours = { insights: own[id], settings: settings?.own[id] };
      return isDeepStrictEqual(theirs, ours) ? [] : [[id, knownDifference(theirs, ours, held)]];
    },
  );
  const next = new Map([...kept, ...settled].sort(([a], [b]) => a - b));
  if (next.size === 0 && before.buckets.size === 0) return 0;
  if (before.rules === fingerprint && isDeepStrictEqual(before.buckets, next)) return 0;
  return commitKnownDifferences(info, fingerprint, [...next], before.revision, signal);
}

/** Stores as many of them as one value takes. The others are processed in each cycle, which only costs requests. */
async function commitKnownDifferences(
  info: SyncInfo,
  fingerprint: string,
  settled: readonly [number, KnownDifference][],
  revision: number,
  signal: AbortSignal,
): Promise<number> {
  try {
    const write = writeOfKnownDifferences(info, fingerprint, new Map(settled), revision);
    await commitInfo(info.store, [write], signal);
    return 1;
  } catch (error) {
    if (!isTooLarge(error) || settled.length === 0) throw error;
    const half = settled.slice(0, Math.floor(settled.length / 2));
    return commitKnownDifferences(info, fingerprint, half, revision, signal);
  }
}

async function saveState(
  deps: DestinationDeps,
  input: SaveDestinationInput,
  { writes, last, ...context }: Omit<SaveContext, 'state'> & { writes: number; last: LastCycle | undefined },
  signal: AbortSignal,
): Promise<number> {
  const { info } = deps;
  for (let attempt = 1; ; attempt++) {
    const { state, revision } = await readDestinationState(info, signal);
    // Only an operator may have changed it since: what a later cycle has saved is not to be undone.
    if (state?.last?.run !== context.run && !isDeepStrictEqual(state?.last, last))
      throw conflict(info.store, info.stateKey);
    const next = await stateAfter(deps, input, { ...context, state }, signal);
    if (writes === 0 && !stateDiffers(state, next)) return 0;
    if ((await info.store.commit([writeOfState(info, next, revision)], signal)) !== undefined) return 1;
    if (attempt === STATE_ATTEMPTS) throw conflict(info.store, info.stateKey);
  }
}

/** What there is to decide from, besides what the cycle did. */
interface SaveContext {
  state: DestinationState | undefined;
  /** The origin's index now. */
  index: readonly string[] | undefined;
  /** Of the destination. */
  numBuckets: number;
  run: string;
}

async function stateAfter(
  deps: DestinationDeps,
  input: SaveDestinationInput,
  context: SaveContext,
  signal: AbortSignal,
): Promise<DestinationState> {
  const { config, parts } = deps;
  const { outcome, counts, finished, ownMounts, fingerprint } = input;
  const orphans = context.state?.orphans;
  const noted = context.state?.deletesOfDay ?? [];
  // The answer to an earlier attempt was lost: its deletes are noted.
  const isRepeated = context.state?.last?.run === context.run;
  const deleted = isRepeated ? {} : await deletedByCycle(deps, input, context.index, signal);
  const deletesOfDay = noteDeletes(noted, { ...input, deleted }, Date.now());
  return {
    v: 1,
    name: config.name,
    config: fingerprint,
    parts,
    considered: finished ? input.considered : '',
    ...mountsAfter(context.state?.mounts, input.mounts, input.changedMounts),
    ownMounts,
    ...(await deletesAfter(deps, input, context, signal)),
    ...(orphans === undefined ? {} : { orphans }),
    ...(deletesOfDay.length === 0 ? {} : { deletesOfDay }),
    expiries: await expiriesAfter(deps, input, context, signal),
    last: { outcome, counts, finishedAt: new Date().toISOString(), run: context.run },
  };
}

/** When copies have to be checked because they end by themselves. Stored also if there are none: a state without has lost it. */
async function expiriesAfter(
  { info }: DestinationDeps,
  { finished, expiries, newExpiries }: SaveDestinationInput,
  { state, run, numBuckets }: SaveContext,
  signal: AbortSignal,
): Promise<ExpirySummary> {
  const before = state?.expiries ?? NO_EXPIRY;
  // The answer to an earlier attempt was lost: the numbers are added.
  if (state?.last?.run === run) return before;
  if (!finished) {
    // What an interrupted part of the cycle stored is unknown: the next cycle reads the lists.
    const isNoted =
      before.nextMs !== undefined || before.due !== undefined || (await info.expiries.isMarked(signal));
    return isNoted ? { ...before, nextMs: Date.now() } : before;
  }
  if (expiries === undefined && newExpiries === undefined) return before;
  const after =
    newExpiries?.nextMs === NOT_COUNTED.nextMs
      ? await countExpiries({ info }, numBuckets, signal)
      : sumOf(expiries ?? before, newExpiries ?? NO_EXPIRY);
  return after.nextMs === undefined && after.due === undefined ? NO_EXPIRY : after;
}

/**
 * How many secrets the cycle deleted, by mount. An interrupted attempt did not report its number; but while the origin's index
 * is the same, the candidates can only have become fewer by deletes.
 */
async function deletedByCycle(
  deps: DestinationDeps,
  { deleted, candidates, buckets, considered }: SaveDestinationInput,
  index: readonly string[] | undefined,
  signal: AbortSignal,
): Promise<Record<string, number>> {
  if (candidates === undefined || index === undefined || !isVersionOf(considered, index)) return deleted;
  const paths = (await deleteCandidates(deps, buckets, index, signal)).map(({ path }) => path);
  const left = byMount(deps, paths);
  const mounts = new Set([...Object.keys(deleted), ...Object.keys(candidates)]);
  return Object.fromEntries(
    [...mounts].map((mount) => {
      const gone = (candidates[mount] ?? 0) - (left.get(mount) ?? 0);
      return [mount, Math.max(deleted[mount] ?? 0, gone)];
    }),
  );
}

type Deletes = Pick<DestinationState, 'held' | 'approved' | 'suspended'>;

/** What waits for an operator after the cycle, and what an operator's word is still good for. */
async function deletesAfter(
  deps: DestinationDeps,
  { finished, considered, buckets, pendingDeletes: held }: SaveDestinationInput,
  { state, index }: SaveContext,
  signal: AbortSignal,
): Promise<Deletes> {
  const before: Deletes = {
    ...(state?.held && { held: state.held }),
    ...(state?.approved !== undefined && { approved: state.approved }),
    ...(state?.suspended !== undefined && { suspended: state.suspended }),
  };
  // The origin published meanwhile: deletes may have been left out, so pending deletes and approvals stay.
  if (index === undefined || !isVersionOf(considered, index) || deps.config.ignoreDeletes)
    return { ...before, ...(held && { held }) };
  if (held !== undefined) {
    // Given while this cycle was running, the approval is for the next one.
    const approved = before.approved === held.hash ? { approved: held.hash } : {};
    return { held, ...approved, ...(before.suspended !== undefined && { suspended: before.suspended }) };
  }
  if (finished) return {};
  if (before.approved === undefined) return before;
  // The set can only have become smaller: what is left of it stays approved.
  const left = await deleteCandidates(deps, buckets, index, signal);
  return { ...before, approved: hashOfDeletes(left.map(({ path }) => path)) };
}
