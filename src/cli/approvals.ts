import { assertSyncName } from '../access/sync-path';
import {
  readDestinationState,
  readStateOf,
  writeOfState,
  type DestinationState,
  type OriginState,
  type Stored,
} from '../sync-info/state';
import type { SyncInfo } from '../sync-info/sync-info';
import type { Role } from '../contract/ids';
import { isNamed, shortSet } from './consent';
import type { Plan } from '../activities/destination/plan/plan';
import { UserError } from '../errors';
import type { PendingDeletes } from '../contract/destination';
import { STATE_ATTEMPTS } from '../limits';

/** Sync info, and the name of the sync that the operator means: nothing of another sync is approved. */
export interface Approvable {
  info: SyncInfo;
  name: string;
}

/** The pending deletes of a destination. @throws UserError if there are none */
export async function waitingDeletes({ info, name }: Approvable): Promise<PendingDeletes> {
  const { state } = await readDestinationState(info);
  if (state === undefined) throw new UserError(NO_CYCLE_YET);
  assertSyncName(info, state, name);
  return heldOf(state);
}

function heldOf(state: DestinationState): PendingDeletes {
  if (state.held === undefined) throw new UserError(nothingWaits(state));
  return state.held;
}

/**
 * Approves the pending deletes of a destination: exactly the set that the last cycle held. If the next cycle finds
 * another set, it holds that one.
 *
 * @param set name of the set that was shown
 * @throws UserError if none wait, or another set does
 */
export async function approveDeletes(at: Approvable, set: string): Promise<PendingDeletes> {
  return changeState(at, readDestinationState, (state) => {
    const held = heldOf(state);
    if (!isNamed(held.hash, set)) {
      throw new UserError(
        `another set of deletes waits now: ${held.count}, ${held.reason}. See it with "vsync plan -c FILE", ` +
          `and approve it with: vsync approve --set ${shortSet(held.hash)} -c FILE`,
      );
    }
    return [{ ...state, approved: held.hash }, held];
  });
}

/** Names what waits for an approval instead. */
function nothingWaits({ changedMounts = {} }: DestinationState | OriginState): string {
  const names = Object.keys(changedMounts);
  return names.length === 0
    ? 'no deletes wait for an approval; "vsync status -c FILE" shows them when they do'
    : `no deletes wait for an approval; re-created mounts do: vsync approve --mount ${names.join(' ')} -c FILE`;
}

/**
 * Accepts re-created mounts of the origin: secrets that they lack count as deleted from then on. Accepts exactly the
 * mount that the last cycle found; if it is re-created once more, its paths are unknown again.
 *
 * @throws UserError if one of them is not known to have been re-created, or if none is named
 */
export async function approveMounts(at: Approvable, role: Role, names: readonly string[]): Promise<void> {
  await changeState(
    at,
    (of) => readStateOf(role, of),
    (state) => {
      if (names.length === 0) throw new UserError(nothingWaits(state));
      const { changedMounts = {}, ...rest } = state;
      const found = Object.entries(changedMounts);
      const unknown = names.filter((name) => changedMounts[name] === undefined);
      if (unknown.length > 0) {
        const waiting = found.length === 0 ? 'none' : found.map(([name]) => name).join(', ');
        throw new UserError(
          `${unknown.join(', ')}: the last cycle found no such re-created mount of the origin; waiting for an approval: ` +
            waiting,
        );
      }
      const left = found.filter(([name]) => !names.includes(name));
      const mounts = {
        ...state.mounts,
        ...Object.fromEntries(found.filter(([name]) => names.includes(name))),
      };
      const next = {
        ...rest,
        mounts,
        ...(left.length === 0 ? {} : { changedMounts: Object.fromEntries(left) }),
      };
      return [next, undefined];
    },
  );
}

/** The hash that names the orphans of a plan. @throws UserError if there are none, or if the next cycle changes the list first */
export function orphansSet({ orphans, orphansHash }: Plan): string {
  if (orphans.length === 0) throw new UserError('there are no orphans: nothing to remove');
  if (orphansHash !== undefined) return orphansHash;
  throw new UserError(
    'the configuration was changed: let a cycle run, read the plan again, and repeat this command',
  );
}

/**
 * Asks for the removal of the orphans of a destination: exactly those that were shown.
 *
 * @param plan lists them
 * @param set name of the list that was shown
 * @throws UserError if there are none, if the plan lists others, or if the next cycle changes the list first
 */
export async function approveOrphans(at: Approvable, plan: Plan, set: string): Promise<void> {
  const { orphans } = plan;
  const orphansHash = orphansSet(plan);
  if (!isNamed(orphansHash, set)) {
    throw new UserError(
      `the list of orphans has changed: ${orphans.length} now. See it with "vsync plan -c FILE", and remove ` +
        `them with: vsync prune --orphans --set ${shortSet(orphansHash)} -c FILE`,
    );
  }
  await changeState(at, readDestinationState, (state) => [
    { ...state, orphans: { count: orphans.length, approved: orphansHash } },
    undefined,
  ]);
}

const NO_CYCLE_YET = 'nothing waits for an approval: there was no cycle yet';

/** @param change returns the next state, and the result for the caller */
async function changeState<T extends OriginState | DestinationState, R>(
  { info, name }: Approvable,
  read: (info: SyncInfo) => Promise<Stored<T>>,
  change: (state: T) => [next: T, result: R],
): Promise<R> {
  for (let attempt = 0; attempt < STATE_ATTEMPTS; attempt++) {
    const { state, revision } = await read(info);
    if (state === undefined) throw new UserError(NO_CYCLE_YET);
    assertSyncName(info, state, name);
    const [next, result] = change(state);
    if ((await info.store.commit([writeOfState(info, next, revision)])) !== undefined) return result;
  }
  throw new UserError(
    `Consul ${info.store.address}: ${info.stateKey}: a running cycle keeps changing this key; run the command again`,
  );
}
