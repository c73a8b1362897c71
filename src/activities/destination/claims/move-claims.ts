import { setImmediate } from 'node:timers/promises';
import { z } from 'zod';
import { inParallel } from '../../../concurrency/work-pool';
import type { FingerprintParts } from '../../../config/fingerprint';
import { StoredInfoError } from '../../../consul/errors';
import type { Unchanged, Write } from '../../../consul/key-value-store';
import type { MoveClaimsInput, MoveClaimsResult } from '../../../contract/destination';
import type { Role } from '../../../contract/ids';
import { CONSUL_READS } from '../../../limits';
import { ClaimMover, VALUE_CLAIMS, SETTINGS_CLAIMS, type ClaimRules } from '../../../rules/claims';
import type { Insight } from '../../../rules/insight';
import { locate } from '../../../rules/paths';
import { compileTransforms } from '../../../rules/transform';
import { readAllEnds } from '../../../sync-info/expiries';
import {
  fits,
  readBuckets,
  type IndexedBuckets,
  type StoredBucket,
  type StoredIndex,
} from '../../../sync-info/indexed-buckets';
import { readDestinationState, writeOfState, type DestinationState } from '../../../sync-info/state';
import { commitAtOnce, commitInfo, conflict } from '../../../sync-info/commits';
import type { DestinationDeps } from '../base/deps';

/** What is not as it was when the destination's claims were made. */
interface Changes {
  /** The claims are about the secrets of another origin, or it is unknown what changed. */
  readonly origin: boolean;
  /** They are about another Vault than the one that is written to now. */
  readonly destination: boolean;
  /** Mounts of the destination that were re-created. */
  readonly mounts: readonly string[];
  /** The transforms with which the secrets were copied. */
  readonly transforms: FingerprintParts['transforms'];
}

/** Compares what the destination remembers with what is there now. */
function changesSince(
  state: DestinationState,
  now: FingerprintParts,
  ownMounts: Readonly<Record<string, string>>,
): Changes {
  const before = state.parts;
  const differs = (side: Role, keys: readonly ('cluster' | 'namespace' | 'syncPath')[]): boolean =>
    keys.some((key) => before?.sides[side]?.[key] !== now.sides[side]?.[key]);
  const mounts = Object.keys(ownMounts).filter(
    (mount) => (state.ownMounts[mount] ?? ownMounts[mount]) !== ownMounts[mount],
  );
  return {
    origin: differs('origin', ['cluster', 'namespace', 'syncPath']),
    destination: before !== undefined && differs('destination', ['cluster', 'namespace']),
    mounts,
    transforms: before?.transforms ?? now.transforms,
  };
}

/** Whether the copy at a target is gone with its Vault or its mount. */
function isGone(changes: Changes | undefined, target: string, { config }: DestinationDeps): boolean {
  if (changes === undefined) return false;
  if (changes.destination) return true;
  const mount = locate(target, config.destination.mounts)?.mount;
  return mount !== undefined && changes.mounts.includes(mount);
}

/** Claims of one kind as they are stored, and what becomes of them. */
interface MovingBuckets<T = Insight> {
  readonly own: StoredIndex;
  /** Buckets of both the old and the new number. */
  readonly stored: readonly StoredBucket<T>[];
  readonly moved: ClaimMover<T>;
}

/** The destination's info as it is stored, and what becomes of its claims. */
interface Moving extends MovingBuckets {
  readonly state: DestinationState | undefined;
  readonly stateRevision: number;
  readonly changes: Changes | undefined;
  /** The same of the settings; they move whether they are carried over now or not. */
  readonly settings: MovingBuckets<string>;
}

/** Works out what of the destination's info holds under the present configuration and number of buckets. Writes nothing. */
export async function readMoving(
  deps: DestinationDeps,
  ownMounts: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<Moving> {
  const { parts, info, originInfo, scope } = deps;
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
    isGone: (target) => isGone(changes, target, deps),
    unverified: changes?.origin === true,
    wants: (path) => scope.wants(path),
    isSame: (target, path) => scope.isSame(target, path),
  };
  // A list of ends that cannot be read does not make every value be compared.
  const lists = (await info.expiries.isMarked(signal))
    ? await readAllEnds(info, own.index?.length ?? 0, signal)
    : new Map<number, never>();
  const noted = new Set([...lists.values()].flatMap(({ bucket }) => [...(bucket?.keys() ?? [])]));
  const ofValues = { ...rules, endsItself: (path: string) => noted.has(path) };
  const values = await readClaims(info, own, new ClaimMover(ofValues, VALUE_CLAIMS), numBuckets, signal);
  const ownSettings = await info.settings.readIndex(signal);
  const settingsMover = new ClaimMover(rules, SETTINGS_CLAIMS);
  const settings =
    ownSettings.revision === 0
      ? { own: ownSettings, stored: [], moved: settingsMover }
      : await readClaims(info.settings, ownSettings, settingsMover, numBuckets, signal);
  return { ...values, state, stateRevision, changes, settings };
}

async function readClaims<T>(
  info: IndexedBuckets<T>,
  own: StoredIndex,
  moved: ClaimMover<T>,
  numBuckets: number,
  signal: AbortSignal,
): Promise<MovingBuckets<T>> {
  const ids = Array.from({ length: Math.max(numBuckets, own.index?.length ?? 0) }, (_, id) => id);
  const stored = [...(await readBuckets(info, ids, signal)).values()];
  for (const [id, one] of stored.slice(0, own.index?.length ?? numBuckets).entries()) {
    moved.add(one.bucket ?? new Map<string, never>(), fits(one, own.index?.[id]));
    // So that heartbeats go out in between: the transforms of many paths take their time.
    await setImmediate();
  }
  return { own, stored, moved };
}

/**
 * Moves the destination's claims into the origin's number of buckets, without those that the changed configuration makes
 * wrong. Orphans are noted first, because only the claims name them. Reads and writes no secret.
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

  const moving = await readMoving(deps, input.ownMounts, signal);
  const { own, state, stateRevision, stored, moved, settings } = moving;
  const since = new Date().toISOString();
  await orphans.add(moved.orphans, since, signal);
  const count = await tidyOrphans(deps, moving, signal);
  const isSameConfig = state === undefined || state.config === fingerprint;
  const next: DestinationState = {
    ...(state ?? NO_STATE),
    name: config.name,
    config: fingerprint,
    parts,
    considered: '',
    // An approval since the cycle began stays, as in the save.
    mounts: { ...input.mounts, ...state?.mounts },
    ownMounts: input.ownMounts,
    suspended: isSameConfig ? state?.suspended : `${CONFIGURATION_CHANGED} (${since})`,
    approved: undefined,
    held: undefined,
    orphans: count === 0 ? undefined : { count },
    // When copies end is noted anew as their values are compared.
    expiries: undefined,
  };

  const hasInfo = own.index !== undefined || stored.some(({ revision }) => revision !== 0);
  const hasSettings = settings.own.revision !== 0;
  // A state without an index makes an original vsync fail.
  if (!hasInfo && state === undefined) return { v: 1, orphans: 0 };
  // The settings first: nothing is believed before the index that comes last.
  const writes = [
    ...(hasSettings ? writesOf(info.settings, settings) : []),
    ...(hasInfo ? writesOf(info, moving) : []),
    writeOfState(info, next, stateRevision),
  ];
  const atOnce = await commitAtOnce(info.store, writes, signal);
  if (atOnce.fits) {
    if (atOnce.revisions === undefined) throw conflict(info.store, writes[0]?.key ?? '');
  } else {
    const toStage: StagedClaims = {
      v: 1,
      ...(hasSettings && { settings: settings.moved.buckets.map(info.settings.format.serialize) }),
      buckets: moved.buckets.map(info.format.serialize),
    };
    const reference = await staging.put(toStage, signal);
    await commitInfo(info.store, [writeOfState(info, { ...next, moving: reference }, stateRevision)], signal);
    await finishMove(deps, reference, signal);
  }
  if (await info.expiries.isMarked(signal)) await info.expiries.clear([...stored.keys()], signal);
  return { v: 1, orphans: moved.orphans.size };
}

/** For sync info that has no state yet, as that of an original vsync. */
const NO_STATE: DestinationState = { v: 1, name: '', config: '', considered: '', mounts: {}, ownMounts: {} };

/** The buckets that are not as they are to be, and their index. */
function writesOf<T>(info: IndexedBuckets<T>, { own, stored, moved }: MovingBuckets<T>): Write[] {
  const index = moved.buckets.map((bucket) => info.format.hash(bucket));
  const buckets = moved.buckets.flatMap((bucket, id) =>
    stored[id]?.hash === index[id] ? [] : [info.writeOfBucket(id, bucket, stored[id]?.revision ?? 0)],
  );
  return [...buckets, info.writeOfIndex(index, own.revision)];
}

/** All buckets as they are to be, in the form in which they are written. */
const StagedClaimsSchema = z.object({
  v: z.literal(1),
  /** Absent if no settings were ever carried over. */
  settings: z.array(z.string()).optional(),
  buckets: z.array(z.string()),
});
type StagedClaims = z.infer<typeof StagedClaimsSchema>;

/** Writes the staged buckets that are not live yet and their indices, and then takes the note out of the state. */
async function finishMove(deps: DestinationDeps, moving: string, signal: AbortSignal): Promise<void> {
  const { info, staging } = deps;
  const { state, revision } = await readDestinationState(info, signal);
  if (state?.moving !== moving) return;
  // Every write depends on the note: a late worker must not put the old claims over what cycles made of them since.
  const unchanged = [{ key: info.stateKey, revision }];
  const staged = await staging.get(moving, signal).catch((error: unknown) => {
    if (!(error instanceof StoredInfoError)) throw error;
  });
  const { data } = StagedClaimsSchema.safeParse(staged);
  // Without: staged more than a day ago. What the buckets hold now is all there is, and what does not fit is not trusted.
  if (data?.settings !== undefined) await writeStaged(info.settings, data.settings, unchanged, signal);
  if (data !== undefined) await writeStaged(info, data.buckets, unchanged, signal);
  await commitInfo(info.store, [writeOfState(info, { ...state, moving: undefined }, revision)], signal);
}

async function writeStaged<T>(
  info: IndexedBuckets<T>,
  staged: readonly string[],
  unchanged: readonly Unchanged[],
  signal: AbortSignal,
): Promise<void> {
  const buckets = staged.map(info.format.parse);
  const index = buckets.map(info.format.hash);
  const writeBucket = async ([id, bucket]: [number, Map<string, T>], stop: AbortSignal): Promise<void> => {
    const live = await info.readBucket(id, stop);
    if (live.hash === index[id]) return;
    await commitInfo(info.store, [info.writeOfBucket(id, bucket, live.revision)], stop, unchanged);
  };
  await inParallel([...buckets.entries()], signal, writeBucket, CONSUL_READS);
  const own = await info.readIndex(signal);
  if (JSON.stringify(index) !== JSON.stringify(own.index))
    await commitInfo(info.store, [info.writeOfIndex(index, own.revision)], signal, unchanged);
}

/** Takes from the list of orphans what is gone, and what is claimed again. @returns how many are left */
async function tidyOrphans(
  deps: DestinationDeps,
  { moved, changes }: Moving,
  signal: AbortSignal,
): Promise<number> {
  const { scope, orphans } = deps;
  const listed = [...(await orphans.read(signal)).keys()];
  if (listed.length === 0) return 0;
  const claimed = new Set(
    moved.buckets.flatMap((bucket) => [...bucket.keys()].map((path) => scope.target(path))),
  );
  const over = listed.filter((target) => claimed.has(target) || isGone(changes, target, deps));
  await orphans.remove(over, signal);
  return listed.length - over.length;
}

/** Why deletes are suspended after a change. */
export const CONFIGURATION_CHANGED = 'the configuration was changed';
