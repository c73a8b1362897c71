import {
  startConsul,
  startTemporal,
  startVaultFile,
  type ConsulServer,
  type TemporalServer,
  type VaultFileServer,
} from '../../dev/servers/start';
import type { SharedServers } from './shared-servers';

/** Servers of one test file alone, with their data on disk: tests may kill and restart them. */
export interface OwnServers {
  temporal: TemporalServer;
  consul: ConsulServer;
  originVault: VaultFileServer;
  vault: VaultFileServer;
}

/** @param temporalKeepsData false: a Temporal that is restarted comes back empty */
export async function startOwnServers({ temporalKeepsData = true } = {}): Promise<OwnServers> {
  const [temporal, consul, originVault, vault] = await Promise.all([
    startTemporal({ keepsData: temporalKeepsData }),
    startConsul({ keepsData: true }),
    startVaultFile({ mounts: [] }),
    startVaultFile({ mounts: [] }),
  ]);
  return { temporal, consul, originVault, vault };
}

export async function stopOwnServers(servers: OwnServers | undefined): Promise<void> {
  await Promise.all(
    Object.values(servers ?? {}).map((server: { stop: () => Promise<void> }) => server.stop()),
  );
}

/** These servers in the form that a `SyncFixture` takes. */
export function asShared({ temporal, consul, originVault, vault }: OwnServers): SharedServers {
  return {
    temporal: temporal.address,
    temporalCommand: temporal.command,
    consul: consul.address,
    origin: originVault,
    destinations: [vault, vault],
  };
}
