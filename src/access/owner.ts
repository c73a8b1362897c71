import type { SyncInfo } from '../sync-info/sync-info';
import { ActivityError } from '../contract/failures';

/**
 * Refuses a sync path whose sync info is another sync's: two destinations on one sync path would each take the
 * other's claims for its own, and one of the Vaults would stay empty without a word.
 *
 * @param state of the sync path, if there is one
 * @throws ActivityError `Conflict`
 */
export function assertOwner(info: SyncInfo, state: { name: string } | undefined, name: string): void {
  if (state === undefined || state.name === name) return;
  throw new ActivityError(
    'Conflict',
    `Consul ${info.store.address}: ${info.prefix} is the sync info of ${state.name}, and this sync is called ${name}: ` +
      'give each sync a syncPath of its own. If it was renamed on purpose, say so: vsync start --adopt -c FILE',
  );
}
