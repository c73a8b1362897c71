import {
  readDestinationState,
  readStateOf,
  writeOfState,
  type DestinationState,
  type OriginState,
  type Stored,
} from './consul/state';
import type { SyncInfo } from './consul/sync-info';
import type { Role } from './names';
import { shortSet } from './plan/format';
import type { Plan } from './plan/plan';
import { UserError } from './user-error';
import type { HeldDeletes } from './workflows/messages';

/**
 * Releases the deletes that wait at a destination: exactly the set that the last cycle held. If another set is
 * found by the next cycle, it is held again.
 *
 * @param set beginning of the hash of the set that was looked at; undefined: the one that waits now
 * @throws UserError if none wait, or another set does
 */
export async function approveDeletes(info: SyncInfo, set?: string): Promise<HeldDeletes> {
  return changeState(info, readDestinationState, (state) => {
    const { held } = state;
    if (held === undefined) throw new UserError(nothingWaits(state));
    if (set !== undefined && !held.hash.startsWith(set)) {
      throw new UserError(
        `another set of deletes waits now: ${held.count}, ${held.reason}. Look at it with "vsync plan -c FILE", ` +
          `and approve it with: vsync approve --set ${shortSet(held.hash)} -c FILE`,
      );
    }
    return [{ ...state, approved: held.hash }, held];
  });
}

/** What is there to approve instead, if anything is. */
function nothingWaits({ changedMounts = {} }: DestinationState | OriginState): string {
  const names = Object.keys(changedMounts);
  return names.length === 0
    ? 'no deletes wait for an approval; "vsync status -c FILE" shows them when they do'
    : `no deletes wait for an approval; re-created mounts do: vsync approve --mount ${names.join(' ')} -c FILE`;
}

/**
 * Takes mounts of the origin that were re-created for what they are now: what they lack counts as deleted from then
 * on. At the engine that the last cycle found, and no other: if it is replaced once more, it is unknown again.
 *
 * @throws UserError if one of them is not known to have been re-created, or if none is named
 */
export async function approveMounts(info: SyncInfo, role: Role, names: readonly string[]): Promise<void> {
  await changeState(
    info,
    (of) => readStateOf(role, of),
    (state) => {
      if (names.length === 0) throw new UserError(nothingWaits(state));
      const { changedMounts = {}, ...rest } = state;
      const found = Object.entries(changedMounts);
      const unknown = names.filter((name) => changedMounts[name] === undefined);
      if (unknown.length > 0) {
        const waiting = found.length === 0 ? 'none' : found.map(([name]) => name).join(', ');
        throw new UserError(
          `${unknown.join(', ')}: not a mount of the origin that the last cycle found re-created; those that wait for ` +
            `an approval: ${waiting}`,
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

/**
 * Asks for the removal of the orphans of a destination: exactly those that were shown.
 *
 * @param orphans as the plan lists them
 * @throws UserError if there are none, or if the next cycle changes the list first
 */
export async function approveOrphans(info: SyncInfo, { orphans, orphansHash }: Plan): Promise<void> {
  if (orphans.length === 0) throw new UserError('there are no orphans: nothing to remove');
  if (orphansHash === undefined) {
    throw new UserError(
      'the configuration was changed: let a cycle run, look at the plan again, and then repeat this',
    );
  }
  await changeState(info, readDestinationState, (state) => [
    { ...state, orphans: { count: orphans.length, approved: orphansHash } },
    undefined,
  ]);
}

/** Attempts beside a cycle that saves its state at the same moment. */
const ATTEMPTS = 3;

/** @param change gives the next state, and what the caller is to have */
async function changeState<T extends OriginState | DestinationState, R>(
  info: SyncInfo,
  read: (info: SyncInfo) => Promise<Stored<T>>,
  change: (state: T) => [next: T, result: R],
): Promise<R> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const { state, revision } = await read(info);
    if (state === undefined) throw new UserError('nothing waits for an approval: there was no cycle yet');
    const [next, result] = change(state);
    if ((await info.store.commit([writeOfState(info, next, revision)])) !== undefined) return result;
  }
  throw new UserError(
    `Consul ${info.store.address}: ${info.stateKey}: cycles write this key all the time; run the command again`,
  );
}
