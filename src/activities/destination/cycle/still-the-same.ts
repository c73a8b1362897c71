import { lookAtBothVaults } from '../../../access/both-vaults';
import type { MountUuids } from '../../../sync-info/state';
import { UserError } from '../../../errors';
import type { Kv2 } from '../../../vault/kv2';
import { isOneServer } from '../../../vault/one-server';
import { ActivityError } from '../../../contract/failures';
import type { DestinationDeps } from '../base/deps';

/**
 * Both Vaults were looked at when this worker began. An address that leads to another Vault since, or a Vault that was
 * restored from the other one's snapshot, shows by its mounts: they are those of the origin now. Only then more is asked.
 * A clone always has the origin's mounts, so each cycle proves again that it is another server: if its address led to
 * the origin, each secret would equal itself and be claimed.
 *
 * @throws ActivityError `ConfigChanged` if the two are something else to each other than they were
 */
export async function assertStillTheSame(
  { config, originVault, vault, vaultsAre, scope }: DestinationDeps,
  origin: MountUuids,
  own: MountUuids,
): Promise<void> {
  if (vaultsAre === 'clone') {
    await assertTwoServers(originVault, vault);
    return;
  }
  const ofOrigin = new Map(Object.entries(origin).map(([mount, uuid]) => [uuid, mount]));
  const isNews = Object.entries(own).some(([mount, uuid]) => {
    const same = ofOrigin.get(uuid);
    return same !== undefined && !scope.isSharedMount(mount, same);
  });
  if (!isNews) return;
  const { are } = await lookAtBothVaults(config, originVault, vault).catch((error: unknown) => {
    throw error instanceof UserError ? new ActivityError('ConfigChanged', error.message) : error;
  });
  if (are === vaultsAre) return;
  throw new ActivityError(
    'ConfigChanged',
    `Vault ${vault.client.address}: is not the Vault that it was when this worker began: it has the mounts of the ` +
      'origin now. Run "vsync start --adopt -c FILE" if it was restored from the origin\'s snapshot, and restart the workers',
  );
}

/** @throws ActivityError `ConfigChanged` unless the two are proven to be two servers */
async function assertTwoServers({ client: origin }: Kv2, { client: destination }: Kv2): Promise<void> {
  const isOne = await isOneServer(destination, origin);
  if (isOne === false) return;
  const both = `origin.vault (${origin.address}) and destination.vault (${destination.address})`;
  throw new ActivityError(
    'ConfigChanged',
    isOne === true
      ? `${both} lead to one Vault now; they were two when this worker began. This cycle copied nothing. Check where ` +
          'the two addresses lead (DNS, virtual IP, proxy); the next cycle checks again'
      : `${both} have the same cluster id and mounts, and whether they are still two Vaults cannot be checked. This ` +
          'cycle copied nothing. Give one of the two tokens update on sys/wrapping/wrap, as the default policy of Vault ' +
          'does, and let sys/wrapping pass',
  );
}
