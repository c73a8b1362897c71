import type { RootVault } from '../../dev/shared/vault-api';
import { startServers, type ServerSet } from '../../dev/servers/start';

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
let running: ServerSet | undefined;

/** Starts one Temporal, one Consul, and three Vaults. The test processes find them in the environment. */
export async function startSharedServers(): Promise<void> {
  running = await startServers({ vaults: ['origin', 'first', 'second'] });
  const { temporal, consul, vaults } = running;
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
  await running?.stop();
}

export function sharedServers(): SharedServers {
  const servers = process.env[VARIABLE];
  if (servers === undefined) throw new Error('run by jest, whose global set-up starts the servers');
  return JSON.parse(servers) as SharedServers;
}
