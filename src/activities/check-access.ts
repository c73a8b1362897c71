import { assertCapabilities } from '../access/capabilities';
import { assertKeyAccess } from '../access/sync-path';
import { readMounts } from '../access/mounts';
import { destinationNeeds, originNeeds } from '../access/needs';
import { assertTokenLasts } from '../access/token';
import type { Clients } from './clients';

/**
 * Checks whether a cycle could do its work, more thoroughly than its own preflight. Writes one key below the own sync
 * path, and removes it again.
 *
 * @returns advice for the operator, although nothing is wrong, for the log
 * @throws VaultError, ConsulError or ActivityError that name the server and what to do
 */
export async function checkAccess(clients: Clients): Promise<string[]> {
  if (clients.role === 'origin') {
    const { vault, info, config } = clients.deps;
    const advice = await assertTokenLasts(vault.client, 'origin.vault');
    await readMounts(vault, config.origin.mounts, 'origin.mounts');
    advice.push(...(await assertCapabilities(vault.client, originNeeds(config), 'origin.vault')));
    await info.readIndex();
    await assertKeyAccess(info);
    return advice;
  }
  const { originVault, vault, originInfo, info, config } = clients.deps;
  const advice = [
    ...(await assertTokenLasts(originVault.client, 'origin.vault')),
    ...(await assertTokenLasts(vault.client, 'destination.vault')),
  ];
  await readMounts(originVault, config.origin.mounts, 'origin.mounts');
  await readMounts(vault, config.destination.mounts, 'destination.mounts');
  const needs = destinationNeeds(config);
  advice.push(
    ...(await assertCapabilities(originVault.client, needs.origin, 'origin.vault')),
    ...(await assertCapabilities(vault.client, needs.destination, 'destination.vault')),
  );
  await originInfo.readIndex();
  await info.readIndex();
  await assertKeyAccess(info);
  return advice;
}
