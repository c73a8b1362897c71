import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import type { FingerprintParts } from '../config/fingerprint';
import type { Role } from '../contract/ids';
import type { HourOfDeletes } from '../rules/delete-guard';
import { OUTCOMES, sameOutcome } from '../contract/cycle';
import type { PendingDeletes } from '../contract/destination';
import { StoredInfoError } from '../consul/errors';
import { readJson } from './commits';
import type { Write } from '../consul/key-value-store';
import type { SyncInfo } from './sync-info';

/** What the last cycle that changed anything, or that ended in another way than the one before it, came to. */
const LastCycle = z.object({
  outcome: z.enum(OUTCOMES),
  /** RFC 3339. */
  finishedAt: z.string(),
  counts: z.record(z.string(), z.number()),
  /** Run id of its workflow: distinguishes a repeated save from the save of another cycle. Destinations only. */
  run: z.string().optional(),
});
export type LastCycle = z.infer<typeof LastCycle>;

/** uuid of each mount of the origin. A re-created mount has another one, and otherwise answers like an empty one. */
const MountUuids = z.record(z.string(), z.string());
export type MountUuids = z.infer<typeof MountUuids>;

/** `<syncPath>origin/state`: not part of the original's sync info. The original never lists keys, so it does not see it. */
const OriginStateSchema = z.object({
  v: z.literal(1),
  /** Name of the sync that this sync path belongs to. */
  name: z.string(),
  mounts: MountUuids,
  /** Mounts that are another engine now, with its uuid. Their secrets are unknown until `vsync approve --mount`. */
  changedMounts: MountUuids.optional(),
  /** A save that did not fit one transaction and may have stopped half-way: it is finished, never undone. */
  pending: z.object({ manifest: z.string(), staged: z.array(z.string()) }).optional(),
  /** What `origin.include` and `origin.exclude` let into the sync info; absent: everything. For `vsync verify`. */
  filter: z.object({ include: z.array(z.string()), exclude: z.array(z.string()) }).optional(),
  /** Whether the origin has a feed: then destinations keep a workflow that takes its pushes. */
  feed: z.literal(true).optional(),
  last: LastCycle.optional(),
});
export type OriginState = z.infer<typeof OriginStateSchema>;

/** What a fingerprint is made of (src/config/fingerprint.ts). */
const FingerprintPartsSchema: z.ZodType<FingerprintParts> = z.object({
  role: z.enum(['origin', 'destination']),
  sides: z.record(
    z.string(),
    z.looseObject({
      cluster: z.string(),
      namespace: z.string(),
      mounts: z.array(z.string()),
      syncPath: z.string(),
    }),
  ),
  transforms: z.array(z.object({ from: z.string(), to: z.string() })),
  deletes: z.object({ ignored: z.literal(true).optional(), excluded: z.literal(true).optional() }).optional(),
});

const HourOfDeletesSchema: z.ZodType<HourOfDeletes> = z.object({
  hourMs: z.number(),
  mounts: z.record(z.string(), z.object({ deleted: z.number().int(), known: z.number().int() })),
});

const HeldDeletesSchema: z.ZodType<PendingDeletes> = z.object({
  count: z.number().int(),
  hash: z.string(),
  reason: z.string(),
});

/** `<syncPath>destination/state`, written after the index: a state without an index makes the original fail. */
const DestinationStateSchema = z.object({
  v: z.literal(1),
  /** Name of the sync that this sync path belongs to. */
  name: z.string(),
  /** Fingerprint of the configuration that the last cycle ran under. */
  config: z.string(),
  /** Hash of the origin's index that the last cycle has dealt with. The watch compares with it. */
  considered: z.string(),
  mounts: MountUuids,
  /** Mounts of the origin that are another engine now, as in the origin's own state. */
  changedMounts: MountUuids.optional(),
  /** uuid of each mount of the destination when its secrets were last compared. */
  ownMounts: MountUuids,
  /** What `config` was made of: it shows what a change of the configuration changed. */
  parts: FingerprintPartsSchema.optional(),
  /** Why all deletes wait for an approval: the configuration was changed. */
  suspended: z.string().optional(),
  /** Deletes that wait for an approval, as of the last cycle. */
  held: HeldDeletesSchema.optional(),
  /** The last day, by the hour: the guard adds its deletes up. */
  deletesOfDay: z.array(HourOfDeletesSchema).optional(),
  /** Hash of the set of deletes that was approved. */
  approved: z.string().optional(),
  /** Secrets at places where nothing belongs any more; the list is in `orphans/`. */
  orphans: z.object({ count: z.number().int(), approved: z.string().optional() }).optional(),
  /** Copies that end by themselves (`expiries/`). Also if there are none; absent in a state that lost it. */
  expiries: z
    .object({
      nextMs: z.number().optional(),
      /** Buckets whose copies are checked in each cycle: they were due, and could not be compared. */
      due: z.array(z.number().int()).optional(),
      copies: z.number().int(),
      early: z.number().int(),
    })
    .optional(),
  /** Staged claims that are on their way into other buckets: the move is finished, never undone. */
  moving: z.string().optional(),
  last: LastCycle.optional(),
});
export type DestinationState = z.infer<typeof DestinationStateSchema>;

/** A state as it is stored; without one, `undefined` and 0. */
export interface Stored<T> {
  state: T | undefined;
  revision: number;
}

export const readOriginState = (info: SyncInfo, signal?: AbortSignal): Promise<Stored<OriginState>> =>
  readState(info, OriginStateSchema, signal);

export const readDestinationState = (
  info: SyncInfo,
  signal?: AbortSignal,
): Promise<Stored<DestinationState>> => readState(info, DestinationStateSchema, signal);

/** The state of either role, for what does not depend on it. */
export const readStateOf = (role: Role, info: SyncInfo): Promise<Stored<OriginState | DestinationState>> =>
  role === 'origin' ? readOriginState(info) : readDestinationState(info);

/** @throws StoredInfoError if the key holds something else: a state is never guessed, it guards deletes */
async function readState<T>(
  { store, stateKey }: SyncInfo,
  schema: z.ZodType<T>,
  signal?: AbortSignal,
): Promise<Stored<T>> {
  const ifDamaged =
    'not a state that this version of vsync wrote; ' +
    'restore the key from a backup, or remove it to have it written anew';
  const { data: state, revision } = await readJson(store, stateKey, schema, ifDamaged, signal);
  return { state, revision };
}

/**
 * The mounts for the state after a cycle that went by `remembered`. `changed` are another engine now.
 *
 * @param before the state now: an approval or `--adopt` may have changed it during the cycle
 */
export function mountsAfter(
  before: MountUuids | undefined,
  remembered: MountUuids,
  changed: MountUuids,
): { mounts: MountUuids; changedMounts?: MountUuids } {
  const mounts = { ...remembered, ...(before && changed), ...before };
  const left = Object.entries(changed).filter(([name, uuid]) => mounts[name] !== uuid);
  return { mounts, ...(left.length === 0 ? {} : { changedMounts: Object.fromEntries(left) }) };
}

export function writeOfState(info: SyncInfo, state: OriginState | DestinationState, expect: number): Write {
  return { key: info.stateKey, value: Buffer.from(JSON.stringify(state)), expect };
}

/** `start --adopt`: gives the sync info to this name, and forgets the origin's mounts. Throws StoredInfoError on a conflict. */
export async function adopt(info: SyncInfo, role: Role, name: string): Promise<void> {
  const { state, revision } = await readStateOf(role, info);
  if (state === undefined) return;
  const { changedMounts: _, ...rest } = state;
  const written = await info.store.commit([writeOfState(info, { ...rest, name, mounts: {} }, revision)]);
  const detail = 'a cycle wrote this key at the same moment; run the command again';
  if (written === undefined) throw new StoredInfoError(info.store.address, info.stateKey, detail);
}

/** Whether a state is worth a write. Time and counts of a cycle are not: a cycle without changes writes nothing at all. */
export function stateDiffers<T extends OriginState | DestinationState>(
  before: T | undefined,
  after: T,
): boolean {
  if (before === undefined) return true;
  const { last: lastBefore, ...restBefore } = before;
  const { last: lastAfter, ...restAfter } = after;
  return !isDeepStrictEqual(restBefore, restAfter) || !sameOutcome(lastBefore?.outcome, lastAfter?.outcome);
}
