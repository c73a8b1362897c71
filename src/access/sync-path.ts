import type { SyncInfo } from '../sync-info/sync-info';
import { ActivityError } from '../contract/failures';
import { randomBytes } from 'node:crypto';
import { ConsulError } from '../consul/errors';
import type { KeyValueStore, StoredValue } from '../consul/key-value-store';
import { PROBE_KEY_LEFT_AFTER_S } from '../limits';

/**
 * Refuses a sync path that belongs to another sync. Two destinations on one sync path would each take the other's claims
 * for their own, and one of the Vaults would silently stay empty. @throws ActivityError `Conflict`
 */
export function assertSyncName(info: SyncInfo, state: { name: string } | undefined, name: string): void {
  if (state === undefined || state.name === name) return;
  throw new ActivityError(
    'Conflict',
    `Consul ${info.store.address}: ${info.prefix} is the sync info of ${state.name}, and this sync is called ${name}: ` +
      'give each sync a syncPath of its own. If it was renamed on purpose, say so: vsync start --adopt -c FILE',
  );
}

/**
 * Checks whether keys below a role's sync path can be created, listed, read and removed, with a key of a name that no
 * other process uses. A later check removes a key that a killed process left. The rule of the original vsync.
 *
 * @param onLeft called if the key may be left because it could not be removed
 * @throws ConsulError that names the step which was refused
 */
export async function assertKeyAccess(
  { store, prefix }: SyncInfo,
  signal?: AbortSignal,
  onLeft?: (key: string) => void,
): Promise<void> {
  const key = `${prefix}check-${randomBytes(8).toString('hex')}`;
  const refused = (step: string): ConsulError =>
    new ConsulError('forbidden', store.address, key, `${step}; ${REMEDY}`);
  const step = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw isForbidden(error) ? refused(`${what}: permission denied (403)`) : error;
    }
  };
  let wasCreated = false;
  try {
    const created = await step('cannot create the key', () =>
      store.commit([{ key, value: CONTENT, expect: 0, flags: nowS() }], signal),
    );
    const revision = created?.get(key);
    if (revision === undefined) throw refused('cannot create the key');
    wasCreated = true;
    const listed = await step('cannot list the keys', () => store.keys(`${prefix}check-`, signal));
    // Without the permission Consul silently leaves keys out of a list.
    if (!listed.includes(key)) throw refused('cannot list the keys: the one just written is not among them');
    const stored = await step('cannot read the key', () => store.get(key, signal));
    if (stored?.value.equals(CONTENT) !== true) throw refused('cannot read the key that was just written');
    if (!(await step('cannot remove the key', () => store.remove(key, revision, signal))))
      throw refused('cannot remove the key');
    for (const other of listed) if (other !== key) await removeIf(store, other, isLeft);
  } catch (error) {
    // A refused key was not written. After a lost answer it may have been.
    const mayExist = wasCreated || !isForbidden(error);
    if (!(await removeIf(store, key, () => true)) && mayExist) onLeft?.(key);
    throw error;
  }
}

function isForbidden(error: unknown): boolean {
  return error instanceof ConsulError && error.kind === 'forbidden';
}

/** Consul keeps no times of its own: they travel in the flags of the keys. */
function nowS(): number {
  return Math.floor(Date.now() / 1000);
}

/** Whether a killed check left it. The key of a check that is running now is newer. */
function isLeft({ value, flags }: StoredValue): boolean {
  return value.equals(CONTENT) && nowS() - flags > PROBE_KEY_LEFT_AFTER_S;
}

/** Errors do not count: the failure that led here is the one to report. @returns whether the key is known to be gone */
async function removeIf(
  store: KeyValueStore,
  key: string,
  isWanted: (stored: StoredValue) => boolean,
): Promise<boolean> {
  try {
    const stored = await store.get(key);
    return stored === undefined || (isWanted(stored) && (await store.remove(key, stored.revision)));
  } catch {
    return false;
  }
}

const CONTENT = Buffer.from('written by the check of vsync, and removed at once');

const REMEDY = 'check the Consul token and its policy: "vsync check -c FILE" prints the one that is needed';
