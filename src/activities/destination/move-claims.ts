import pLimit from 'p-limit';
import type { Write } from '../../consul/key-value-store';
import type { IndexedBuckets, StoredBucket, StoredIndex } from '../../consul/indexed-buckets';
import { readDestinationState, writeOfState, type DestinationState } from '../../consul/state';
import { moveClaims as move, moveSettingsClaims, type ClaimRules, type MovedClaims } from '../../sync/claims';
import type { Insight } from '../../sync/insight';
import { compileTransforms } from '../../sync/transform';
import { locate } from '../../sync/paths';
import type { MoveClaimsInput, MoveClaimsResult } from '../../workflows/messages';
import { ActivityError } from '../failures';
import { CONSUL_READS } from '../limits';
import { changesSince } from './changes';
import type { DestinationDeps } from './deps';

/** Claims of one kind as they stand, and what becomes of them. */
export interface MovingBuckets<T = Insight> {
  readonly own: StoredIndex;
  /** Buckets of both the old and the new number. */
  readonly stored: readonly StoredBucket<T>[];
  readonly moved: MovedClaims<T>;
}

/** The destination's info as it stands, and what becomes of its claims. */
export interface Moving extends MovingBuckets {
  readonly state: DestinationState | undefined;
  readonly stateRevision: number;
  /** The same of the settings; they move whether they are carried over now or not. */
  readonly settings: MovingBuckets<string>;
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
  const changes = state === undefined ? undefined : changesSince(state, parts, ownMounts);
  const before = compileTransforms(changes?.transforms.map((rule) => ({ name: '', ...rule })) ?? []);
  const rules: ClaimRules = {
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
  };
  const insights = await readStored(info, own, numBuckets, signal);
  const ownSettings = await info.settings.readIndex(signal);
  const settings =
    ownSettings.revision === 0
      ? { stored: [], named: [] }
      : await readStored(info.settings, ownSettings, numBuckets, signal);
  return {
    own,
    state,
    stateRevision,
    stored: insights.stored,
    moved: move(insights.named, rules),
    settings: {
      own: ownSettings,
      stored: settings.stored,
      moved: moveSettingsClaims(settings.named, rules),
    },
  };
}

/** @returns the buckets of the old and the new number, and what those of the old number name */
async function readStored<T>(
  info: IndexedBuckets<T>,
  { index }: StoredIndex,
  numBuckets: number,
  signal: AbortSignal,
): Promise<{ stored: StoredBucket<T>[]; named: { bucket: Map<string, T>; fits: boolean }[] }> {
  const limit = pLimit(CONSUL_READS);
  const stored = await Promise.all(
    Array.from({ length: Math.max(numBuckets, index?.length ?? 0) }, (_, id) =>
      limit(() => info.readBucket(id, signal)),
    ),
  );
  const named = stored.slice(0, index?.length ?? numBuckets).map(({ bucket, hash }, id) => ({
    bucket: bucket ?? new Map<string, T>(),
    fits: hash !== undefined && hash === index?.[id],
  }));
  return { stored, named };
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
  const moving = await readMoving(deps, input.ownMounts, signal);
  const { own, state, stateRevision, stored, moved, settings } = moving;
  const since = new Date().toISOString();
  await orphans.add(moved.orphans, since, signal);

  const hasInfo = own.index !== undefined || stored.some(({ revision }) => revision !== 0);
  // The settings first: nothing is believed before the index that comes last.
  const writes = settings.own.revision === 0 ? [] : writesOf(info.settings, settings);
  if (hasInfo) writes.push(...writesOf(info, moving));
  if (writes.length > 0) await commitAll(deps, writes, signal);
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

/** The buckets that are not as they are to be, and their index. */
function writesOf<T>(info: IndexedBuckets<T>, { own, stored, moved }: MovingBuckets<T>): Write[] {
  const index = moved.buckets.map((bucket) => info.format.hash(bucket));
  const buckets = moved.buckets.flatMap((bucket, id) =>
    stored[id]?.hash === index[id] ? [] : [info.writeOfBucket(id, bucket, stored[id]?.revision ?? 0)],
  );
  return [...buckets, info.writeOfIndex(index, own.revision)];
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
