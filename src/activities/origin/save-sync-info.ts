import { parseBucket } from '../../sync/bucket';
import type { Write } from '../../consul/key-value-store';
import { readOriginState, stateDiffers, writeOfState, type OriginState } from '../../consul/state';
import type { StoredIndex, SyncInfo } from '../../consul/sync-info';
import type { SaveOriginInput, SaveOriginResult } from '../../workflows/messages';
import { ActivityError } from '../failures';
import type { OriginDeps } from './deps';
import { readManifest, readStagedBuckets, type Manifest, type StagedBuckets } from './manifest';

type StagedBucket = StagedBuckets['buckets'][number];

/**
 * Publishes what the cycle found: the changed buckets, then the index, because the index fires the destinations'
 * watch. In one transaction where they fit. Otherwise what has to be written is noted in the state first, and a
 * save that stops half-way is finished by the next cycle: from the first live write on there is only forward.
 */
export async function saveSyncInfo(
  { info, staging }: OriginDeps,
  input: SaveOriginInput,
  signal: AbortSignal,
): Promise<SaveOriginResult> {
  const { state, revision: stateRevision } = await readOriginState(info, signal);
  const plan = input.save ?? state?.pending;
  if (plan === undefined) return { v: 1, writes: 0 };

  const manifest = await readManifest(staging, plan.manifest, signal);
  const staged: StagedBucket[] = [];
  for (const reference of plan.staged)
    staged.push(...(await readStagedBuckets(staging, reference, signal)).buckets);
  const stored = await info.readIndex(signal);
  const target = targetIndex(stored.index, manifest.numBuckets, staged);
  const indexIsThere = JSON.stringify(stored.index) === JSON.stringify(target);
  if (!indexIsThere && input.save !== undefined && stored.revision !== input.save.indexRevision) {
    throw conflict(info, info.indexKey);
  }

  const nextState = stateAfter(state, manifest, input);
  const writes = await missingBuckets(info, staged, signal);
  if (!indexIsThere) writes.push(info.writeOfIndex(target, stored.revision));
  const writeState = (expect: number): Write[] =>
    writes.length > 0 || stateDiffers(state, nextState) ? [writeOfState(info, nextState, expect)] : [];

  const all = [...writes, ...writeState(stateRevision)];
  if (info.store.fitsOneCommit(all)) {
    await commit(info, all, signal);
    return { v: 1, writes: all.length };
  }
  return saveInSteps(info, { plan, state, stateRevision, nextState, writes }, signal);
}

interface Steps {
  plan: { manifest: string; staged: string[] };
  state: OriginState | undefined;
  stateRevision: number;
  nextState: OriginState;
  /** Buckets, and the index last. */
  writes: Write[];
}

async function saveInSteps(info: SyncInfo, steps: Steps, signal: AbortSignal): Promise<SaveOriginResult> {
  const { plan, state, nextState, writes } = steps;
  let { stateRevision } = steps;
  if (state?.pending === undefined) {
    const pending = { manifest: plan.manifest, staged: plan.staged };
    const before: OriginState = { ...(state ?? { v: 1, mounts: nextState.mounts }), pending };
    stateRevision = await commit(info, [writeOfState(info, before, stateRevision)], signal);
  }
  const index = writes.filter(({ key }) => key === info.indexKey);
  let batch: Write[] = [];
  for (const write of writes.filter(({ key }) => key !== info.indexKey)) {
    if (batch.length > 0 && !info.store.fitsOneCommit([...batch, write])) {
      await commit(info, batch, signal);
      batch = [];
    }
    batch.push(write);
  }
  await commit(info, batch, signal);
  await commit(info, index, signal);
  await commit(info, [writeOfState(info, nextState, stateRevision)], signal);
  return { v: 1, writes: writes.length + 2 };
}

/** The index after the save. Buckets that were not staged are as the live index says. */
function targetIndex(
  live: StoredIndex['index'],
  numBuckets: number,
  staged: readonly StagedBucket[],
): string[] {
  const target: (string | undefined)[] =
    live?.length === numBuckets ? [...live] : new Array<undefined>(numBuckets);
  for (const { id, hash } of staged) target[id] = hash;
  const missing = Array.from(target).findIndex((hash) => hash === undefined);
  if (missing >= 0) {
    throw new ActivityError(
      'Conflict',
      `the origin's index changed while bucket ${missing} was unchanged; next cycle`,
    );
  }
  return target as string[];
}

/** Writes of the staged buckets that are not live yet: none of those that an earlier attempt has written. */
async function missingBuckets(
  info: SyncInfo,
  staged: readonly StagedBucket[],
  signal: AbortSignal,
): Promise<Write[]> {
  const writes: Write[] = [];
  for (const { id, hash, revision, json } of staged) {
    if (json === undefined) continue;
    const live = await info.readBucket(id, signal);
    if (live.hash === hash) continue;
    if (live.revision !== revision) throw conflict(info, info.bucketKey(id));
    const write = info.writeOfBucket(id, parseBucket(json), revision);
    if (write.value.length > MAX_BUCKET_BYTES) throw tooLarge(info, id, write.value.length);
    writes.push(write);
  }
  return writes;
}

/** Consul's limit for a value. */
const MAX_BUCKET_BYTES = 512 * 1024;

function tooLarge(info: SyncInfo, id: number, bytes: number): ActivityError {
  return new ActivityError(
    'BucketTooLarge',
    `Consul ${info.store.address}: ${info.bucketKey(id)}: bucket ${id} has ${Math.ceil(bytes / 1024)} KiB, and ` +
      'Consul takes 512 KiB at the most: raise numBuckets, here and (an original vsync) at every destination',
  );
}

function stateAfter(state: OriginState | undefined, manifest: Manifest, input: SaveOriginInput): OriginState {
  // A remembered uuid stays until somebody says that the mount was re-created on purpose.
  const mounts = { ...manifest.mounts, ...pick(state?.mounts, Object.keys(manifest.mounts)) };
  if (input.save === undefined) return { v: 1, mounts, ...(state?.last && { last: state.last }) };
  const { outcome, counts } = input.save;
  return { v: 1, mounts, last: { outcome, counts, finishedAt: new Date().toISOString() } };
}

function pick(record: Record<string, string> | undefined, keys: readonly string[]): Record<string, string> {
  return Object.fromEntries(Object.entries(record ?? {}).filter(([key]) => keys.includes(key)));
}

/** @returns the revision that all of these keys have now */
async function commit(info: SyncInfo, writes: readonly Write[], signal: AbortSignal): Promise<number> {
  const revisions = await info.store.commit(writes, signal);
  if (revisions === undefined) throw conflict(info, writes[0]?.key ?? '');
  return revisions.values().next().value ?? 0;
}

function conflict(info: SyncInfo, key: string): ActivityError {
  return new ActivityError(
    'Conflict',
    `Consul ${info.store.address}: ${key}: somebody else wrote the origin's sync info during this cycle, so ` +
      'nothing was published; is another origin running on this sync path?',
  );
}
