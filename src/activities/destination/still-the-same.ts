import { lookAtBothVaults } from '../../check/both-vaults';
import type { MountUuids } from '../../consul/state';
import { UserError } from '../../user-error';
import { ActivityError } from '../failures';
import type { DestinationDeps } from './deps';

/**
 * Both Vaults were looked at when this worker began. An address that leads to another Vault since, or a Vault that was
 * restored from the other one's snapshot, shows by its mounts: they are those of the origin now. Only then more is asked.
 *
 * @throws ActivityError `ConfigChanged` if the two are something else to each other than they were
 */
export async function assertStillTheSame(
  { config, originVault, vault, vaultsAre, scope }: DestinationDeps,
  origin: MountUuids,
  own: MountUuids,
): Promise<void> {
  if (vaultsAre === 'clone') return;
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
