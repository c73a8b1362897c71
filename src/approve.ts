import { readDestinationState, writeOfState, type DestinationState } from './consul/state';
import type { SyncInfo } from './consul/sync-info';
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
  let released: HeldDeletes | undefined;
  await changeState(info, (state) => {
    released = state.held;
    if (released === undefined)
      throw new UserError('no deletes wait for an approval; "vsync status -c FILE" shows them when they do');
    if (set !== undefined && !released.hash.startsWith(set)) {
      throw new UserError(
        `another set of deletes waits now: ${released.count}, ${released.reason}. Look at it with "vsync plan -c FILE", ` +
          `and approve it with: vsync approve --set ${shortSet(released.hash)} -c FILE`,
      );
    }
    return { ...state, approved: released.hash };
  });
  if (released === undefined) throw new UserError('no deletes wait for an approval: there was no cycle yet');
  return released;
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
  await changeState(info, (state) => ({
    ...state,
    orphans: { count: orphans.length, approved: orphansHash },
  }));
}

/** Attempts beside a cycle that saves its state at the same moment. */
const ATTEMPTS = 3;

async function changeState(
  info: SyncInfo,
  change: (state: DestinationState) => DestinationState,
): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const { state, revision } = await readDestinationState(info);
    if (state === undefined) return;
    if ((await info.store.commit([writeOfState(info, change(state), revision)])) !== undefined) return;
  }
  throw new UserError(
    `Consul ${info.store.address}: ${info.stateKey}: cycles write this key all the time; run the command again`,
  );
}
