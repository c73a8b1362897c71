import { readDestinationState, writeOfState, type DestinationState, type HeldDeletes } from './consul/state';
import type { Orphans } from './consul/orphans';
import type { SyncInfo } from './consul/sync-info';
import { hashOfDeletes } from './sync/delete-guard';
import { UserError } from './user-error';

/**
 * Releases the deletes that wait at a destination: exactly the set that the last cycle held. If another set is
 * found by the next cycle, it is held again.
 *
 * @throws UserError if none wait
 */
export async function approveDeletes(info: SyncInfo): Promise<HeldDeletes> {
  let released: HeldDeletes | undefined;
  await changeState(info, (state) => {
    released = state.held;
    return released === undefined ? undefined : { ...state, approved: released.hash };
  });
  if (released !== undefined) return released;
  throw new UserError('no deletes wait for an approval; "vsync status -c FILE" shows them when they do');
}

/**
 * Asks for the removal of the orphans of a destination: exactly those that are on the list now.
 *
 * @returns how many there are
 * @throws UserError if there are none
 */
export async function approveOrphans(info: SyncInfo, orphans: Orphans): Promise<number> {
  const targets = [...(await orphans.read()).keys()];
  if (targets.length === 0) throw new UserError('there are no orphans: nothing to remove');
  await changeState(info, (state) => ({
    ...state,
    orphans: { count: targets.length, approved: hashOfDeletes(targets) },
  }));
  return targets.length;
}

/** @param change undefined: leave it */
async function changeState(
  info: SyncInfo,
  change: (state: DestinationState) => DestinationState | undefined,
): Promise<void> {
  const { state, revision } = await readDestinationState(info);
  const next = state && change(state);
  if (next === undefined) return;
  if ((await info.store.commit([writeOfState(info, next, revision)])) !== undefined) return;
  throw new UserError(
    `Consul ${info.store.address}: ${info.stateKey}: a cycle wrote this key at the same moment; run the command again`,
  );
}
