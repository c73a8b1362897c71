import type { Client, ScheduleDescription } from '@temporalio/client';
import { inParallel } from '../../../concurrency/work-pool';
import { StoredInfoError } from '../../../consul/errors';
import { ActivityError } from '../../../contract/failures';
import type { PushRefusal } from '../../../contract/push';
import { ExplainedError } from '../../../errors';
import { CONSUL_READS, PUSH_SCHEDULE_MS } from '../../../limits';
import { bucketId } from '../../../rules/bucket';
import { refusalOf } from '../../../rules/plan';
import { fits } from '../../../sync-info/indexed-buckets';
import { readDestinationState, type DestinationState, type MountUuids } from '../../../sync-info/state';
import { askSchedule } from '../../shared/ask-schedule';
import type { DestinationDeps } from '../base/deps';
import { Freshness } from '../base/freshness';
import type { Targets } from '../base/origin-targets';
import { verifiedOf, type BothMounts, type PushMemory } from './push-memory';

/*
 * What a push may write. It has to obey all that a cycle obeys, but it runs without a plan, without the guard of deletes
 * and without claims. So it writes only where a cycle has already written this secret, and where nothing is unusual; all
 * else it leaves to the next cycle. Everything here is asked once for a batch, before any secret is read.
 */

export interface PushDeps extends DestinationDeps {
  readonly pushMemory: PushMemory;
}

/** The answer is valid for the time of `freshness` only: a cycle may take a claim back meanwhile. */
export type PushPermission =
  | { readonly refused: PushRefusal }
  | { readonly mayPush: (path: string) => boolean; readonly freshness: Freshness };

/** Decides why nothing may be pushed now, or which of these paths may. */
export async function mayPush(
  deps: PushDeps,
  client: Client,
  paths: readonly string[],
  signal: AbortSignal,
): Promise<PushPermission> {
  // Whether a clone is another server than the origin has to be proved each time. Only cycles do that.
  if (deps.vaultsAre === 'clone') return { refused: 'clone' };
  const freshness = new Freshness();
  try {
    const [ofSchedule, { state }, mounts, claims] = await Promise.all([
      refusedBySchedule(deps, client, signal),
      readDestinationState(deps.info, signal),
      deps.pushMemory.mounts(deps, signal),
      readClaims(deps, paths, signal),
    ]);
    const refused = ofSchedule ?? refusedByState(deps, state, mounts);
    if (refused !== undefined) return { refused };
    if (claims === undefined) return { refused: 'torn' };
    return { mayPush: (path) => claims.verified.has(path) && isFree(path, deps, claims.targets), freshness };
  } catch (error) {
    return { refused: refusalOfError(error, signal) };
  }
}

/** Asked each time, because a pause has to be obeyed at once. */
async function refusedBySchedule(
  { config, fingerprint }: DestinationDeps,
  client: Client,
  signal: AbortSignal,
): Promise<PushRefusal | undefined> {
  try {
    const found = await askSchedule(client, 'destination', config.name, PUSH_SCHEDULE_MS, signal);
    if (found === undefined) return 'no-schedule';
    if (found.state.paused) return 'paused';
    return fingerprintOf(found.action) === fingerprint ? undefined : 'other-configuration';
  } catch {
    return 'unavailable';
  }
}

function fingerprintOf({ args }: ScheduleDescription['action']): string | undefined {
  const [input] = (args ?? []) as unknown as [{ fingerprint?: string }?];
  return input?.fingerprint;
}

/** The claims hold only for the configuration and the mounts of the last cycle. */
function refusedByState(
  { config, fingerprint }: DestinationDeps,
  state: DestinationState | undefined,
  { origin, own }: BothMounts,
): PushRefusal | undefined {
  if (state?.config !== fingerprint || state.name !== config.name) return 'other-configuration';
  if (state.moving !== undefined) return 'claims-move';
  const areSame = isKnown(state.mounts, origin) && isKnown(state.ownMounts, own);
  return areSame && state.changedMounts === undefined ? undefined : 'mount-changed';
}

function isKnown(remembered: MountUuids, current: MountUuids): boolean {
  return Object.entries(current).every(([mount, uuid]) => remembered[mount] === uuid);
}

interface Claims {
  /** Of the batch's buckets: paths with a verified claim. */
  readonly verified: ReadonlySet<string>;
  readonly targets: Targets;
}

/**
 * Whether a bucket fits its index matters only where another's value is kept: a wrong claim would overwrite it. Elsewhere
 * it must not matter, because the buckets of a running cycle do not fit, and a stream of changes would wait for its end.
 *
 * @returns undefined if an index is missing, or if the origin has another number of buckets
 */
async function readClaims(
  { config, info, originInfo, targets, pushMemory }: PushDeps,
  paths: readonly string[],
  signal: AbortSignal,
): Promise<Claims | undefined> {
  const [own, origin] = await Promise.all([info.readIndex(signal), originInfo.readIndex(signal)]);
  if (own.index === undefined || own.index.length !== origin.index?.length) return undefined;
  const { index } = own;
  const { length } = index;
  const ids = [...new Set(paths.map((path) => bucketId(path, length)))];
  const read = async (id: number, stop: AbortSignal): Promise<ReadonlySet<string>> => {
    if (config.destination.onConflict !== 'keep') return pushMemory.verifiedPaths(info, id, stop);
    const stored = await info.readBucket(id, stop);
    return fits(stored, index[id]) ? verifiedOf(stored.bucket) : new Set();
  };
  const named = await inParallel(ids, signal, read, CONSUL_READS);
  const ofBucket = new Map(ids.map((id, at) => [id, named[at]]));
  const verified = new Set(paths.filter((path) => ofBucket.get(bucketId(path, length))?.has(path)));
  return { verified, targets: await targets.load(origin.index, signal) };
}

/** Whether the secret is wanted, and nothing else belongs to its place. */
function isFree(path: string, { scope }: DestinationDeps, targets: Targets): boolean {
  if (!scope.isToBeCopied(path) || !scope.isPublished(path) || !targets.complete) return false;
  // Also if the origin's info does not name this one: it was deleted, and created again a moment ago.
  const isAlone = targets.sourcesOf(scope.target(path)).every((source) => source === path);
  return isAlone && refusalOf(path, scope, targets) === undefined;
}

/** @throws the error if it is not about a server or what is stored there */
function refusalOfError(error: unknown, signal: AbortSignal): PushRefusal {
  if (signal.aborted) return 'unavailable';
  if (error instanceof StoredInfoError) return 'torn';
  // A mount is missing, or is another engine now.
  if (error instanceof ActivityError) return 'mount-changed';
  if (error instanceof ExplainedError) return 'unavailable';
  throw error;
}
