import pLimit from 'p-limit';
import type { Write } from '../../consul/key-value-store';
import type { StoredBucket, StoredIndex } from '../../consul/sync-info';
import { readDestinationState, writeOfState, type DestinationState } from '../../consul/state';
import { hashBucket } from '../../sync/bucket';
import { moveClaims as move, type MovedClaims } from '../../sync/claims';
import { compileTransforms } from '../../sync/transform';
import { locate } from '../../sync/paths';
import type { MoveClaimsInput, MoveClaimsResult } from '../../workflows/messages';
import { ActivityError } from '../failures';
import { CONSUL_READS } from '../limits';
import { changesSince } from './changes';
import type { DestinationDeps } from './deps';

/** The destination's info as it stands, and what becomes of its claims. */
export interface Moving {
  readonly own: StoredIndex;
  readonly state: DestinationState | undefined;
  readonly stateRevision: number;
  /** Buckets of both the old and the new number. */
  readonly stored: readonly StoredBucket[];
  readonly moved: MovedClaims;
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
  const named = stored.slice(0, own.index?.length ?? numBuckets);
  const moved = move(
    named.map(({ bucket, hash }, id) => ({
      bucket: bucket ?? new Map(),
      fits: hash !== undefined && hash === own.index?.[id],
    })),
    {
      numBuckets,
      targetBefore: (path) => (changes === undefined ? scope.target(path) : before.transform(path).path),
      targetNow: (path) => scope.target(path),
      isGone: (target) => {
        const mount = locate(target, config.destination.mounts)?.mount;
        return (
          changes?.destination === true || (mount !== undefined && changes?.mounts.includes(mount) === true)
        );
      },
      doubtful: changes?.origin === true,
    },
  );
  return { own, state, stateRevision, stored, moved };
}

/**
 * Brings the destination's info into the shape that the next cycles need: into the origin's number of buckets, and
 * without the claims that the changed configuration makes wrong. No secret is read or written for it. What stands
 * where nothing belongs any more is put on the list of orphans first, because only the claims name it.
 *
 * Cut off in the middle, the buckets do not fit their index, and what they claim is compared by value.
 */
export async function moveClaims(
  deps: DestinationDeps,
  input: MoveClaimsInput,
  signal: AbortSignal,
): Promise<MoveClaimsResult> {
  const { fingerprint, parts, info, orphans } = deps;
  const { own, state, stateRevision, stored, moved } = await readMoving(deps, input.ownMounts, signal);
  const since = new Date().toISOString();
  await orphans.add(moved.orphans, since, signal);

  const hasInfo = own.index !== undefined || stored.some(({ revision }) => revision !== 0);
  const writes: Write[] = [];
  const index: string[] = [];
  for (const [id, bucket] of moved.buckets.entries()) {
    const hash = hashBucket(bucket);
    index.push(hash);
    if (hasInfo && stored[id]?.hash !== hash)
      writes.push(info.writeOfBucket(id, bucket, stored[id]?.revision ?? 0));
  }
  if (hasInfo) await commitAll(deps, [...writes, info.writeOfIndex(index, own.revision)], signal);
  if (state === undefined) return { v: 1, orphans: 0 };

  const count = moved.orphans.size === 0 ? (state.orphans?.count ?? 0) : (await orphans.read(signal)).size;
  const { approved: _approved, held: _held, orphans: _orphans, ...rest } = state;
  const next: DestinationState = {
    ...rest,
    config: fingerprint,
    parts,
    considered: '',
    mounts: input.mounts,
    ownMounts: input.ownMounts,
    ...(state.config === fingerprint ? {} : { suspended: `${CONFIGURATION_CHANGED} (${since})` }),
    ...(count === 0 ? {} : { orphans: { count } }),
  };
  await commitAll(deps, [writeOfState(info, next, stateRevision)], signal);
  return { v: 1, orphans: moved.orphans.size };
}

/** Why deletes are suspended after a change. */
export const CONFIGURATION_CHANGED = 'the configuration was changed';

/** At once if it fits, else in order: the index, and with it the belief in the buckets, comes last. */
async function commitAll(
  { info }: DestinationDeps,
  writes: readonly Write[],
  signal: AbortSignal,
): Promise<void> {
  const batches = info.store.fitsOneCommit(writes) ? [writes] : writes.map((write) => [write]);
  for (const batch of batches) {
    if ((await info.store.commit(batch, signal)) !== undefined) continue;
    throw new ActivityError(
      'Conflict',
      `Consul ${info.store.address}: ${batch[0]?.key ?? ''}: another cycle wrote the destination's sync info during ` +
        'this one; the next cycle goes on from there. Is another destination running on this sync path?',
    );
  }
}
