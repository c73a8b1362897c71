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
import type { SyncInfo } from '../../sync-info/sync-info';
import type { SaveOriginInput, SaveOriginResult } from '../../contract/origin';
import { ActivityError } from '../../contract/failures';
import { assertSyncName } from '../../access/sync-path';
import type { OriginDeps } from './deps';
import { readManifest, readStagedBuckets, type Manifest, type StagedBucket } from './manifest';
import { conflict, missingWrites, OversizeError, type MissingWrites } from './missing-writes';
import { tooLarge } from './too-large';

type SaveDeps = Pick<OriginDeps, 'config' | 'info' | 'staging' | 'maxBucketBytes'>;

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
    if (input.save === undefined && isHopeless(error)) return giveUpPending(info, pending, signal);
    throw error;
  });
  // After the save, so that a slow clean-up delays nothing.
  await staging.removeExpiredSometimes(signal);
  return result;
}

/**
 * What no repetition of an interrupted save would change: its lists are gone, another process wrote in the meantime, or
 * the store takes less than it did.
 */
function isHopeless(error: unknown): boolean {
  if (error instanceof StoredInfoError) return true;
  return error instanceof ActivityError && (error.type === 'Conflict' || error.type === 'BucketTooLarge');
}

/** Leaves an interrupted save as it is: the cycle that follows compares with the live buckets, and writes them all anew. */
async function giveUpPending(
  info: SyncInfo,
  given: OriginState['pending'],
  signal: AbortSignal,
): Promise<SaveOriginResult> {
  const { state, revision } = await readOriginState(info, signal);
  // A different one now: it belongs to another process, which may be working on it.
  if (state?.pending === undefined || !isDeepStrictEqual(state.pending, given)) return { v: 1, writes: 0 };
  const { pending: _, ...rest } = state;
  await commit(info, [writeOfState(info, rest, revision)], signal);
  return { v: 1, writes: 1 };
}

async function save(deps: SaveDeps, input: SaveOriginInput, signal: AbortSignal): Promise<SaveOriginResult> {
  const { config, info, staging, maxBucketBytes } = deps;
  const { state, revision: stateRevision } = await readOriginState(info, signal);
  assertSyncName(info, state, config.name);
  const plan = input.save ?? state?.pending;
  if (plan === undefined) return { v: 1, writes: 0 };

  const manifest = await readManifest(staging, plan.manifest, signal);
  const staged: StagedBucket[] = [];
  const stagedSettings: StagedBucket[] = [];
  for (const reference of plan.staged) {
    const { buckets, settings = [] } = await readStagedBuckets(staging, reference, signal);
    staged.push(...buckets);
    stagedSettings.push(...settings);
  }
  const { numBuckets } = manifest;
  const { indexRevision, settingsIndexRevision } = input.save ?? {};
  const orTooLarge = async (error: unknown): Promise<never> => {
    if (!(error instanceof OversizeError)) throw error;
    throw await tooLarge(deps, error, manifest, staged, signal);
  };
  const missing = async (): Promise<MissingWrites[]> => {
    const insights = { numBuckets, maxBucketBytes, staged, indexRevision };
    const settings = { ...insights, staged: stagedSettings, indexRevision: settingsIndexRevision };
    return [
      ...(manifest.settings ? [await missingWrites(info.settings, settings, signal)] : []),
      await missingWrites(info, insights, signal),
    ];
  };
  const kinds = await missing().catch(orTooLarge);
  // All that an index speaks of comes before it, and the index that fires the destinations' watch is the last.
  const buckets = kinds.flatMap((kind) => kind.buckets);
  const indices = kinds.flatMap((kind) => kind.index);

  const nextState = stateAfter(config, state, manifest, input);
  const isNews = buckets.length + indices.length > 0 || stateDiffers(state, nextState);
  const all = [...buckets, ...indices, ...(isNews ? [writeOfState(info, nextState, stateRevision)] : [])];
  const atOnce = await commitAtOnce(info.store, all, signal);
  if (atOnce.fits) {
    if (all.length > 0 && atOnce.revisions === undefined) throw conflict(info.store, all[0]?.key ?? '');
    return { v: 1, writes: all.length };
  }
  await assertTaken(info, all, signal).catch(orTooLarge);
  return saveInSteps(info, { plan, state, stateRevision, nextState, buckets, indices }, signal);
}

/**
 * After the first live write there is only forward, so the store is asked before whether it takes the largest value.
 *
 * @throws OversizeError
 */
async function assertTaken(info: SyncInfo, writes: readonly Write[], signal: AbortSignal): Promise<void> {
  const [first, ...others] = writes;
  if (first === undefined) return;
  const largest = others.reduce(
    (most, write) => (write.value.length > most.value.length ? write : most),
    first,
  );
  if (!(await info.store.takes(largest, signal))) throw new OversizeError(largest.key, largest.value.length);
}

interface Steps {
  plan: { manifest: string; staged: string[] };
  state: OriginState | undefined;
  stateRevision: number;
  nextState: OriginState;
  buckets: Write[];
  /** Written one after the other, in this order. */
  indices: Write[];
}

async function saveInSteps(info: SyncInfo, steps: Steps, signal: AbortSignal): Promise<SaveOriginResult> {
  const { plan, state, nextState, buckets, indices } = steps;
  let { stateRevision } = steps;
  if (state?.pending === undefined) {
    const pending = { manifest: plan.manifest, staged: plan.staged };
    const before: OriginState = {
      ...(state ?? { v: 1, name: nextState.name, mounts: nextState.mounts }),
      pending,
    };
    stateRevision = await commit(info, [writeOfState(info, before, stateRevision)], signal);
  }
  for (let left = buckets; left.length > 0;) {
    const batch = firstBatch(info.store, left);
    const atOnce = await commitAtOnce(info.store, batch, signal);
    // A batch of one fits nowhere else, and is an error of its own.
    if (!atOnce.fits && batch.length > 1) continue;
    const revisions = atOnce.fits ? atOnce.revisions : await info.store.commit(batch, signal);
    if (revisions === undefined) throw conflict(info.store, batch[0]?.key ?? '');
    left = left.slice(batch.length);
  }
  for (const index of indices) await commit(info, [index], signal);
  await commit(info, [writeOfState(info, nextState, stateRevision)], signal);
  return { v: 1, writes: buckets.length + indices.length + 2 };
}

function stateAfter(
  { name, origin: { include, exclude } }: SaveDeps['config'],
  state: OriginState | undefined,
  manifest: Manifest,
  input: SaveOriginInput,
): OriginState {
  // A remembered uuid stays until an operator approves the re-created mount.
  const remembered = state && pick(state.mounts, Object.keys(manifest.mounts));
  const mounts = mountsAfter(remembered, manifest.mounts, manifest.mounts);
  const filter = include.length + exclude.length > 0 ? { filter: { include, exclude } } : {};
  if (input.save === undefined)
    return { v: 1, name, ...mounts, ...filter, ...(state?.last && { last: state.last }) };
  const { outcome, counts } = input.save;
  return {
    v: 1,
    name,
    ...mounts,
    ...filter,
    last: { outcome, counts, finishedAt: new Date().toISOString() },
  };
}

function pick(record: Record<string, string>, keys: readonly string[]): Record<string, string> {
  return Object.fromEntries(Object.entries(record).filter(([key]) => keys.includes(key)));
}

/** @returns the revision that all of these keys have now */
async function commit(info: SyncInfo, writes: readonly Write[], signal: AbortSignal): Promise<number> {
  const revisions = await info.store.commit(writes, signal);
  if (revisions === undefined) throw conflict(info.store, writes[0]?.key ?? '');
  return revisions.values().next().value ?? 0;
}
