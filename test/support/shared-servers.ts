import type { RootVault } from '../../dev/shared/vault-api';
import { startConsul, startTemporal, startVaultDev } from '../../dev/servers/start';

/** The servers that all integration tests share. Each test has mounts, sync paths and names of its own. */
export interface SharedServers {
  /** host:port */
  temporal: string;
  /** The real `temporal` command. */
  temporalCommand: string;
  /** URL */
  consul: string;
  origin: RootVault;
  destinations: [RootVault, RootVault];
}

const VARIABLE = 'VSYNC_TEST_SERVERS';
const running: { stop: () => Promise<void> }[] = [];

/** Starts one Temporal, one Consul, and three Vaults. The test processes find them in the environment. */
export async function startSharedServers(): Promise<void> {
  const [temporal, consul, ...vaults] = await Promise.all([
    startTemporal(),
    startConsul(),
    startVaultDev(),
    startVaultDev(),
    startVaultDev(),
  ]);
  running.push(temporal, consul, ...vaults);
  const [origin, first, second] = vaults.map(({ address, rootToken }) => ({ address, rootToken }));
  process.env[VARIABLE] = JSON.stringify({
    temporal: temporal.address,
    temporalCommand: temporal.command,
    consul: consul.address,
    origin,
    destinations: [first, second],
  });
}

export async function stopSharedServers(): Promise<void> {
  await Promise.all(running.map((server) => server.stop()));
}

export function sharedServers(): SharedServers {
  const servers = process.env[VARIABLE];
  if (servers === undefined) throw new Error('run by jest, whose global set-up starts the servers');
  return JSON.parse(servers) as SharedServers;
}
