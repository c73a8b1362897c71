import path from 'node:path';
import { startConsul, type ConsulServer } from './consul';
import { startTemporal, type TemporalServer } from './temporal';
import { startVaultDev, type VaultServer } from './vault';

/** Servers in memory, for demo, benchmark and tests. */
export interface ServerSet {
  temporal: TemporalServer;
  consul: ConsulServer;
  vaults: VaultServer[];
  stop: () => Promise<void>;
}

export interface ServerSetOptions {
  /** Names of the Vaults. */
  vaults: readonly string[];
  /** For their logs, a folder each; temporary folders by default. */
  dir?: string;
  /** Whether Temporal has its web UI. */
  ui?: boolean;
}

/** Starts Temporal, Consul and Vaults at the same time, on free ports. If one fails, none keeps running. */
export async function startServers({ vaults: names, dir, ui }: ServerSetOptions): Promise<ServerSet> {
  const folder = (name: string) => (dir === undefined ? {} : { dir: path.join(dir, name) });
  const starting = [
    startTemporal({ ...folder('temporal'), ui }),
    startConsul(folder('consul')),
    ...names.map((name) => startVaultDev(folder(name))),
  ] as const;
  const stop = async (): Promise<void> => {
    const started = await Promise.allSettled(starting);
    const running = started.flatMap((server) => (server.status === 'fulfilled' ? [server.value] : []));
    await Promise.all(running.map((server) => server.stop()));
  };
  try {
    const [temporal, consul, ...vaults] = await Promise.all(starting);
    return { temporal, consul, vaults, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
