import { isDeepStrictEqual } from 'node:util';
import { commitAtOnce, firstBatch } from '../../sync-info/commits';
import { StoredInfoError } from '../../consul/errors';
import type { Write } from '../../consul/key-value-store';
import {
  mountsAfter,
  readOriginState,
  stateDiffers,
  writeOfState,
  type OriginState,
} from '../../sync-info/state';
import { FeedRecords, type FeedDone } from '../../sync-info/feed-record';
import type { SyncInfo } from '../../sync-info/sync-info';
import type { SaveOriginInput, SaveOriginResult } from '../../contract/origin';
import { ActivityError } from '../../contract/failures';
import { assertSyncName } from '../../access/sync-path';
import { doneAfter } from './feed-pass';
import { readManifest, type Manifest } from './manifest';
import {
  conflict,
  missingWrites,
  OversizeError,
  tooLarge,
  type MissingBucket,
  type MissingWrites,
  type SaveDeps,
} from './missing-writes';
import { StagedLists } from './staged-lists';

/**
 * Publishes what the cycle found: the changed buckets, then the index, because the index fires the destinations'
 * watch. In one transaction where they fit. Otherwise what has to be written is noted in the state first, and a
 * save that stops half-way is finished by the next cycle: from the first live write on there is only forward.
 */
export async function saveSyncInfo(
  deps: SaveDeps,
  input: SaveOriginInput,
  signal: AbortSignal,
): Promise<SaveOriginResult> {
  const { info, staging } = deps;
  const { pending } = (await readOriginState(info, signal)).state ?? {};
  const result = await save(deps, input, signal).catch((error: unknown) => {
    if (input.save === undefined && isHopeless(error)) return giveUpPending(deps, pending, signal);
    throw error;
  });
  // After the save, so that a slow clean-up delays nothing.
  await staging.removeExpiredSometimes(signal);
  return result;
}

/** No repetition helps: the lists are gone, another process wrote in the meantime, or the store takes less than it did. */
function isHopeless(error: unknown): boolean {
  if (error instanceof StoredInfoError) return true;
  return error instanceof ActivityError && (error.type === 'Conflict' || error.type === 'BucketTooLarge');
}

/** Leaves an interrupted save as it is: the cycle that follows compares with the live buckets, and writes them all anew. */
async function giveUpPending(
  { config, info }: SaveDeps,
  given: OriginState['pending'],
  signal: AbortSignal,
): Promise<SaveOriginResult> {
  const { state, revision } = await readOriginState(info, signal);
  // A different one now: it belongs to another process, which may be working on it.
  if (state?.pending === undefined || !isDeepStrictEqual(state.pending, given)) return { v: 1, writes: 0 };
  // A feed pass would leave the other buckets as they are.
  if (config.origin.feed !== undefined) await new FeedRecords(info).forgetDone(signal);
  await commit(info, writeOfState(info, { ...state, pending: undefined }, revision), signal);
  return { v: 1, writes: 1 };
}

async function save(deps: SaveDeps, input: SaveOriginInput, signal: AbortSignal): Promise<SaveOriginResult> {
  const { config, info, staging } = deps;
  const { state, revision } = await readOriginState(info, signal);
  assertSyncName(info, state, config.name);
  const plan = input.save ?? state?.pending;
  if (plan === undefined) return { v: 1, writes: 0 };

  const manifest = await readManifest(staging, plan.manifest, signal);
  const staged = await new StagedLists(staging, plan.staged).find(signal);
  const nextState = stateAfter(config, state, manifest, input);
  try {
    const noted = await notedOf(info, manifest, input, signal);
    const missing = await missingOf(deps, input, manifest, staged, signal);
    const toCommit = { ...missing, plan, state, revision, nextState, note: noted?.write };
    const result = await commitAll(info, toCommit, signal);
    if (noted !== undefined) await afterNote(deps, manifest, noted, signal);
    await retireStaged(deps, manifest, input, signal);
    return result;
  } catch (error) {
    if (!(error instanceof OversizeError)) throw error;
    throw await tooLarge(deps, error, manifest, staged.buckets, signal);
  }
}

/** What is not written yet. All that an index speaks of comes before it; the index that fires the watch is the last. */
async function missingOf(
  { info, maxBucketBytes }: SaveDeps,
  { save }: SaveOriginInput,
  { numBuckets, settings }: Manifest,
  staged: Awaited<ReturnType<StagedLists['find']>>,
  signal: AbortSignal,
): Promise<MissingWrites> {
  const target = { numBuckets, maxBucketBytes, staged: staged.buckets, indexRevision: save?.indexRevision };
  const ofSettings = { ...target, staged: staged.settings, indexRevision: save?.settingsIndexRevision };
  const before = settings && (await missingWrites(info.settings, ofSettings, signal));
  const { buckets, indices } = await missingWrites(info, target, signal);
  return {
    buckets: [...(before?.buckets ?? []), ...buckets],
    indices: [...(before?.indices ?? []), ...indices],
  };
}

/** What is noted about the feed. */
interface Noted {
  readonly done: FeedDone;
  /** Undefined if it is noted already. */
  readonly write: Write | undefined;
}

async function notedOf(
  info: SyncInfo,
  manifest: Manifest,
  { save }: SaveOriginInput,
  signal: AbortSignal,
): Promise<Noted | undefined> {
  const done = doneAfter(manifest, save);
  if (done === undefined) return undefined;
  const records = new FeedRecords(info);
  const stored = await records.readDone(signal);
  if (isDeepStrictEqual(stored.done, done)) return { done, write: undefined };
  const write = records.writeOfDone(done, stored.doneRevision);
  // Another cycle has noted something since this one decided what to read.
  if (stored.doneRevision !== manifest.feed?.revision) throw conflict(info.store, write.key);
  return { done, write };
}

/** The receiver forgets the hints that are published now. */
async function afterNote(
  { info, feed }: SaveDeps,
  { pass }: Manifest,
  { done, write }: Noted,
  signal: AbortSignal,
): Promise<void> {
  feed?.onPublished(done);
  if (pass !== true && write !== undefined) await new FeedRecords(info).removeOld(Date.now(), signal);
}

/**
 * A feed pass follows each burst of changes, and what it has staged is of no use to later cycles. The lists of ends are.
 * What a scan has staged stays: the next one stages the same where nothing has changed.
 */
async function retireStaged(
  { staging, config }: SaveDeps,
  { pass, chunks }: Manifest,
  { save }: SaveOriginInput,
  signal: AbortSignal,
): Promise<void> {
  if (config.origin.feed === undefined || save === undefined) return;
  const staged = [save.manifest, ...chunks, ...save.staged];
  await staging.retire(pass === true ? staged : [], [...staged, ...(save.ends ?? [])], signal);
}

interface ToCommit extends MissingWrites {
  /** Of the feed. */
  readonly note: Write | undefined;
  readonly plan: { readonly manifest: string; readonly staged: string[] };
  readonly state: OriginState | undefined;
  readonly revision: number;
  readonly nextState: OriginState;
}

/** @throws OversizeError */
async function commitAll(info: SyncInfo, toCommit: ToCommit, signal: AbortSignal): Promise<SaveOriginResult> {
  const { buckets, indices, state, revision, nextState, note } = toCommit;
  const writes: (Write | MissingBucket)[] = [...buckets, ...indices];
  if (writes.length > 0 || stateDiffers(state, nextState))
    writes.push(writeOfState(info, nextState, revision));
  if (note !== undefined) writes.push(note);
  if (info.store.fitsOneCommit(writes)) {
    const atOnce = await commitAtOnce(info.store, await loaded(writes, signal), signal);
    if (atOnce.fits) {
      if (writes.length > 0 && atOnce.revisions === undefined)
        throw conflict(info.store, writes[0]?.key ?? '');
      return { v: 1, writes: writes.length };
    }
  }
  // After the first live write there is only forward, so the store is asked before whether it takes the largest value.
  const largest = writes.reduce((a, b) => (b.value.length > a.value.length ? b : a));
  for (const write of await loaded([largest], signal))
    if (!(await info.store.takes(write, signal))) throw new OversizeError(write.key, write.value.length);
  return commitInSteps(info, toCommit, signal);
}

async function loaded(writes: readonly (Write | MissingBucket)[], signal: AbortSignal): Promise<Write[]> {
  const all: Write[] = [];
  // One after the other: lists are read in the order of their buckets.
  for (const write of writes) all.push('load' in write ? await write.load(signal) : write);
  return all;
}

async function commitInSteps(
  info: SyncInfo,
  { plan: { manifest, staged }, state, revision, nextState, buckets, indices, note }: ToCommit,
  signal: AbortSignal,
): Promise<SaveOriginResult> {
  let stateRevision = revision;
  if (state?.pending === undefined) {
    const before = state ?? { v: 1, name: nextState.name, mounts: nextState.mounts };
    const noted: OriginState = { ...before, pending: { manifest, staged } };
    stateRevision = await commit(info, writeOfState(info, noted, stateRevision), signal);
  }
  for (let left = buckets; left.length > 0;) {
    const batch = await loaded(firstBatch(info.store, left), signal);
    const atOnce = await commitAtOnce(info.store, batch, signal);
    // A batch of one fits nowhere else, and is an error of its own.
    if (!atOnce.fits && batch.length > 1) continue;
    const revisions = atOnce.fits ? atOnce.revisions : await info.store.commit(batch, signal);
    if (revisions === undefined) throw conflict(info.store, batch[0]?.key ?? '');
    left = left.slice(batch.length);
  }
  for (const index of indices) await commit(info, index, signal);
  await commit(info, writeOfState(info, nextState, stateRevision), signal);
  if (note === undefined) return { v: 1, writes: buckets.length + indices.length + 2 };
  // Last: if the save stops before, the hints are read once more.
  await commit(info, note, signal);
  return { v: 1, writes: buckets.length + indices.length + 3 };
}

function stateAfter(
  { name, origin: { include, exclude, feed } }: SaveDeps['config'],
  state: OriginState | undefined,
  manifest: Manifest,
  input: SaveOriginInput,
): OriginState {
  const known = Object.entries(state?.mounts ?? {}).filter(([at]) => Object.hasOwn(manifest.mounts, at));
  // A remembered uuid stays until an operator approves the re-created mount.
  const mounts = mountsAfter(state && Object.fromEntries(known), manifest.mounts, manifest.mounts);
  const filter = include.length + exclude.length > 0 ? { filter: { include, exclude } } : {};
  const { save } = input;
  const finishedAt = new Date().toISOString();
  // A feed pass does not read what the last scan could not read: the outcome stays until a scan has read it.
  const isPartial = manifest.pass === true && (manifest.feed?.done.scan.partial ?? 0) > 0;
  const isKept = save === undefined || (isPartial && save.outcome !== 'partial');
  const last = isKept ? state?.last : { outcome: save.outcome, counts: save.counts, finishedAt };
  return { v: 1, name, ...mounts, ...filter, ...(feed && { feed: true }), ...(last && { last }) };
}

/** @returns the new revision of the key */
async function commit({ store }: SyncInfo, write: Write, signal: AbortSignal): Promise<number> {
  const revisions = await store.commit([write], signal);
  if (revisions === undefined) throw conflict(store, write.key);
  return revisions.get(write.key) ?? 0;
}
