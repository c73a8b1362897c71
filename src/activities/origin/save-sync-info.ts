import pLimit from 'p-limit';
import { parseBucket } from '../../sync/bucket';
import { MAX_VALUE_BYTES } from '../../consul/client';
import { StoredInfoError } from '../../consul/errors';
import type { Write } from '../../consul/key-value-store';
import { readOriginState, stateDiffers, writeOfState, type OriginState } from '../../consul/state';
import type { StoredIndex, SyncInfo } from '../../consul/sync-info';
import type { SaveOriginInput, SaveOriginResult } from '../../workflows/messages';
import { ActivityError } from '../failures';
import { CONSUL_READS } from '../limits';
import type { OriginDeps } from './deps';
import { readManifest, readStagedBuckets, type Manifest, type StagedBuckets } from './manifest';

type StagedBucket = StagedBuckets['buckets'][number];

/**
 * Publishes what the cycle found: the changed buckets, then the index, because the index fires the destinations'
 * watch. In one transaction where they fit. Otherwise what has to be written is noted in the state first, and a
 * save that stops half-way is finished by the next cycle: from the first live write on there is only forward.
 */
export async function saveSyncInfo(
  { config, info, staging }: OriginDeps,
  input: SaveOriginInput,
  signal: AbortSignal,
): Promise<SaveOriginResult> {
  const result = await save({ config, info, staging }, input, signal).catch((error: unknown) => {
    if (input.save === undefined && isHopeless(error)) return giveUpPending(info, signal);
    throw error;
  });
  // After the save, so that a slow clean-up delays nothing.
  await staging.removeExpiredSometimes(signal);
  return result;
}

/** What no repetition of an interrupted save would change: its lists are gone, or somebody wrote in the meantime. */
function isHopeless(error: unknown): boolean {
  return error instanceof StoredInfoError || (error instanceof ActivityError && error.type === 'Conflict');
}

/** Leaves an interrupted save as it is: the cycle that follows compares with the live buckets, and writes them all anew. */
async function giveUpPending(info: SyncInfo, signal: AbortSignal): Promise<SaveOriginResult> {
  const { state, revision } = await readOriginState(info, signal);
  if (state?.pending === undefined) return { v: 1, writes: 0 };
  const { pending: _, ...rest } = state;
  await commit(info, [writeOfState(info, rest, revision)], signal);
  return { v: 1, writes: 1 };
}

async function save(
  { config: { name }, info, staging }: Pick<OriginDeps, 'config' | 'info' | 'staging'>,
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

  const nextState = stateAfter(name, state, manifest, input);
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
    const before: OriginState = {
      ...(state ?? { v: 1, name: nextState.name, mounts: nextState.mounts }),
      pending,
    };
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
  const limit = pLimit(CONSUL_READS);
  const writes = await Promise.all(
    staged.map(({ id, hash, revision, json }) =>
      limit(async (): Promise<Write[]> => {
        if (json === undefined) return [];
        const live = await info.readBucket(id, signal);
        if (live.hash === hash) return [];
        if (live.revision !== revision) throw conflict(info, info.bucketKey(id));
        const write = info.writeOfBucket(id, parseBucket(json), revision);
        if (write.value.length > MAX_VALUE_BYTES) throw tooLarge(info, id, write.value.length);
        return [write];
      }),
    ),
  );
  return writes.flat();
}

function tooLarge(info: SyncInfo, id: number, bytes: number): ActivityError {
  return new ActivityError(
    'BucketTooLarge',
    `Consul ${info.store.address}: ${info.bucketKey(id)}: bucket ${id} has ${Math.ceil(bytes / 1024)} KiB, and ` +
      'Consul takes 512 KiB at the most: raise numBuckets, here and (an original vsync) at every destination',
  );
}

function stateAfter(
  name: string,
  state: OriginState | undefined,
  manifest: Manifest,
  input: SaveOriginInput,
): OriginState {
  // A remembered uuid stays until somebody says that the mount was re-created on purpose.
  const mounts = { ...manifest.mounts, ...pick(state?.mounts, Object.keys(manifest.mounts)) };
  if (input.save === undefined) return { v: 1, name, mounts, ...(state?.last && { last: state.last }) };
  const { outcome, counts } = input.save;
  return { v: 1, name, mounts, last: { outcome, counts, finishedAt: new Date().toISOString() } };
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
