import pLimit from 'p-limit';
import { setImmediate } from 'node:timers/promises';
import { z } from 'zod';
import { StoredInfoError } from '../../consul/errors';
import type { StoredBucket, StoredIndex } from '../../consul/indexed-buckets';
import type { Write } from '../../consul/key-value-store';
import { readDestinationState, writeOfState, type DestinationState } from '../../consul/state';
import { hashBucket, parseBucket, serializeBucket, type Bucket } from '../../sync/bucket';
import { ClaimMover } from '../../sync/claims';
import { locate } from '../../sync/paths';
import { compileTransforms } from '../../sync/transform';
import type { MoveClaimsInput, MoveClaimsResult } from '../../workflows/messages';
import { ActivityError } from '../failures';
import { CONSUL_READS } from '../limits';
import { changesSince, type Changes } from './changes';
import type { DestinationDeps } from './deps';

/** The destination's info as it stands, and what becomes of its claims. */
export interface Moving {
  readonly own: StoredIndex;
  readonly state: DestinationState | undefined;
  readonly stateRevision: number;
  /** Buckets of both the old and the new number. */
  readonly stored: readonly StoredBucket[];
  readonly moved: Pick<ClaimMover, 'buckets' | 'orphans'>;
  readonly changes: Changes | undefined;
}

/**
 * Reads the destination's info, and works out what of it holds under the configuration and the number of buckets
 * of now. Writes nothing.
 */
export async function readMoving(
  { config, parts, info, originInfo, scope }: DestinationDeps,
  ownMounts: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<Moving> {
  const origin = await originInfo.readIndex(signal);
  const own = await info.readIndex(signal);
  const { state, revision: stateRevision } = await readDestinationState(info, signal);
  const numBuckets = origin.index?.length ?? own.index?.length ?? 0;
  const limit = pLimit(CONSUL_READS);
  const stored = await Promise.all(
    Array.from({ length: Math.max(numBuckets, own.index?.length ?? 0) }, (_, id) =>
      limit(() => info.readBucket(id, signal)),
    ),
  );
  const changes = state === undefined ? undefined : changesSince(state, parts, ownMounts);
  const before = compileTransforms(changes?.transforms.map((rule) => ({ name: '', ...rule })) ?? []);
  const moved = new ClaimMover({
    numBuckets,
    targetBefore: (path) => (changes === undefined ? scope.target(path) : before.transform(path).path),
    targetNow: (path) => scope.target(path),
    isGone: (target) => changes !== undefined && isGone(changes, target, config.destination.mounts),
    doubtful: changes?.origin === true,
    sameVault: scope.sameVault,
  });
  for (const [id, { bucket, hash }] of stored.slice(0, own.index?.length ?? numBuckets).entries()) {
    moved.add(bucket ?? new Map<string, never>(), hash !== undefined && hash === own.index?.[id]);
    // So that heartbeats go out in between: the transforms of many paths take their time.
    await setImmediate();
  }
  return { own, state, stateRevision, stored, moved, changes };
}

function isGone({ destination, mounts }: Changes, target: string, configured: readonly string[]): boolean {
  if (destination) return true;
  const mount = locate(target, configured)?.mount;
  return mount !== undefined && mounts.includes(mount);
}

/**
 * Brings the destination's info into the shape that the next cycles need: into the origin's number of buckets, and
 * without the claims that the changed configuration makes wrong. No secret is read or written for it. What stands
 * where nothing belongs any more is put on the list of orphans first, because only the claims name it.
 *
 * In one transaction where it fits. Else what the buckets are to hold is staged first and noted in the state: from
 * then on there is only forward, because half of the claims would be in no bucket in between.
 */
export async function moveClaims(
  deps: DestinationDeps,
  input: MoveClaimsInput,
  signal: AbortSignal,
): Promise<MoveClaimsResult> {
  const { config, fingerprint, parts, info, orphans, staging } = deps;
  const { state: before } = await readDestinationState(info, signal);
  if (before?.moving !== undefined) await finishMove(deps, before.moving, signal);

  const { own, state, stateRevision, stored, moved, changes } = await readMoving(
    deps,
    input.ownMounts,
    signal,
  );
  const since = new Date().toISOString();
  await orphans.add(moved.orphans, since, signal);
  const count = await tidyOrphans(deps, moved, changes, signal);
  const { approved: _approved, held: _held, orphans: _orphans, ...rest } = state ?? NO_STATE;
  const next: DestinationState = {
    ...rest,
    name: config.name,
    config: fingerprint,
    parts,
    considered: '',
    mounts: input.mounts,
    ownMounts: input.ownMounts,
    ...(state === undefined || state.config === fingerprint
      ? {}
      : { suspended: `${CONFIGURATION_CHANGED} (${since})` }),
    ...(count === 0 ? {} : { orphans: { count } }),
  };

  const hasInfo = own.index !== undefined || stored.some(({ revision }) => revision !== 0);
  const index = moved.buckets.map(hashBucket);
  const writes = moved.buckets.flatMap((bucket, id) =>
    stored[id]?.hash === index[id] ? [] : [info.writeOfBucket(id, bucket, stored[id]?.revision ?? 0)],
  );
  // A state without an index makes an original vsync fail.
  if (!hasInfo && state === undefined) return { v: 1, orphans: 0 };
  if (!hasInfo) await commit(deps, [writeOfState(info, next, stateRevision)], signal);
  else {
    const all = [...writes, info.writeOfIndex(index, own.revision), writeOfState(info, next, stateRevision)];
    if (info.store.fitsOneCommit(all)) await commit(deps, all, signal);
    else {
      const moving = await staging.put(stagedOf(moved.buckets), signal);
      await commit(deps, [writeOfState(info, { ...next, moving }, stateRevision)], signal);
      await finishMove(deps, moving, signal);
    }
  }
  return { v: 1, orphans: moved.orphans.size };
}

/** For sync info that has no state yet, as that of an original vsync. */
const NO_STATE: DestinationState = { v: 1, name: '', config: '', considered: '', mounts: {}, ownMounts: {} };

const StagedClaims = z.object({ v: z.literal(1), buckets: z.array(z.string()) });

function stagedOf(buckets: readonly Bucket[]): z.infer<typeof StagedClaims> {
  return { v: 1, buckets: buckets.map(serializeBucket) };
}

/** Writes the staged buckets that are not live yet, then the index, and then takes the note out of the state. */
async function finishMove(deps: DestinationDeps, moving: string, signal: AbortSignal): Promise<void> {
  const { info, staging } = deps;
  const staged = await staging.get(moving, signal).catch((error: unknown) => {
    if (error instanceof StoredInfoError) return undefined;
    throw error;
  });
  const parsed = StagedClaims.safeParse(staged);
  // Staged more than a day ago: what the buckets hold now is all there is, and what does not fit is in doubt.
  const buckets = parsed.success ? parsed.data.buckets.map(parseBucket) : [];
  const limit = pLimit(CONSUL_READS);
  await Promise.all(
    buckets.map((bucket, id) =>
      limit(async () => {
        const live = await info.readBucket(id, signal);
        if (live.hash !== hashBucket(bucket))
          await commit(deps, [info.writeOfBucket(id, bucket, live.revision)], signal);
      }),
    ),
  );
  const own = await info.readIndex(signal);
  const index = buckets.map(hashBucket);
  if (buckets.length > 0 && JSON.stringify(index) !== JSON.stringify(own.index))
    await commit(deps, [info.writeOfIndex(index, own.revision)], signal);
  const { state, revision } = await readDestinationState(info, signal);
  if (state?.moving === undefined) return;
  const { moving: _, ...rest } = state;
  await commit(deps, [writeOfState(info, rest, revision)], signal);
}

/**
 * Takes from the list what is gone with its Vault or its mount, and what a claim stands on again.
 *
 * @returns how many are left
 */
async function tidyOrphans(
  { config, scope, orphans }: DestinationDeps,
  moved: Moving['moved'],
  changes: Changes | undefined,
  signal: AbortSignal,
): Promise<number> {
  const listed = [...(await orphans.read(signal)).keys()];
  if (listed.length === 0) return 0;
  const claimed = new Set(
    moved.buckets.flatMap((bucket) => [...bucket.keys()].map((path) => scope.target(path))),
  );
  const over = listed.filter(
    (target) =>
      claimed.has(target) || (changes !== undefined && isGone(changes, target, config.destination.mounts)),
  );
  await orphans.remove(over, signal);
  return listed.length - over.length;
}

/** Why deletes are suspended after a change. */
export const CONFIGURATION_CHANGED = 'the configuration was changed';

async function commit(
  { info }: DestinationDeps,
  writes: readonly Write[],
  signal: AbortSignal,
): Promise<void> {
  if ((await info.store.commit(writes, signal)) !== undefined) return;
  throw new ActivityError(
    'Conflict',
    `Consul ${info.store.address}: ${writes[0]?.key ?? ''}: another cycle wrote the destination's sync info during ` +
      'this one; the next cycle goes on from there. Is another destination running on this sync path?',
  );
}
