import type { SharedServers } from '../support/shared-servers';
import {
  startConsul,
  startTemporal,
  startVaultFile,
  type ConsulServer,
  type TemporalServer,
  type VaultFileServer,
} from '../../dev/servers/start';

export const SERVERS = ['temporal', 'consul', 'originVault', 'destinationVault'] as const;
export type ServerName = (typeof SERVERS)[number];

/** `seal` is for a Vault; others are killed. */
export type Blow = 'kill' | 'seal';

/** Servers of the test's own, which keep their data: it kills them. */
export class ChaosServers {
  private constructor(
    private readonly servers: {
      readonly temporal: TemporalServer;
      readonly consul: ConsulServer;
      readonly originVault: VaultFileServer;
      readonly destinationVault: VaultFileServer;
    },
  ) {}

  static async start(): Promise<ChaosServers> {
    const [temporal, consul, originVault, destinationVault] = await Promise.all([
      startTemporal({ keepsData: true }),
      startConsul({ keepsData: true }),
      startVaultFile({ mounts: [] }),
      startVaultFile({ mounts: [] }),
    ]);
    return new ChaosServers({ temporal, consul, originVault, destinationVault });
  }

  /** In the form in which fixtures take them. */
  get shared(): SharedServers {
    const { temporal, consul, originVault, destinationVault } = this.servers;
    const vault = ({ address, rootToken }: VaultFileServer) => ({ address, rootToken });
    const destination = vault(destinationVault);
    return {
      temporal: temporal.address,
      temporalCommand: temporal.command,
      consul: consul.address,
      origin: vault(originVault),
      destinations: [destination, destination],
    };
  }

  /** What is sealed can only be a Vault: another server is killed instead. Returns what was done. */
  async strike(name: ServerName, blow: Blow): Promise<Blow> {
    const server = this.servers[name];
    if (blow === 'seal' && 'seal' in server) {
      await server.seal();
      return 'seal';
    }
    await server.halt('SIGKILL');
    return 'kill';
  }

  /** Undoes a blow, and returns when the server serves again. */
  async mend(name: ServerName, blow: Blow): Promise<void> {
    const server = this.servers[name];
    if (blow === 'seal' && 'unseal' in server) await server.unseal();
    else await server.restart();
  }

  async stop(): Promise<void> {
    await Promise.all(Object.values(this.servers).map((server) => server.stop()));
  }
}
