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

/** Only a Vault can be sealed. Other servers are killed. */
export type Blow = 'kill' | 'seal';

/** Servers of this test alone. They keep their data on disk, because the test kills them. */
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

  /** The servers in the form that fixtures take. */
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

  /** Kills or seals a server. @returns what was done: a server that is not a Vault is killed instead of sealed */
  async strike(name: ServerName, blow: Blow): Promise<Blow> {
    const server = this.servers[name];
    if (blow === 'seal' && 'seal' in server) {
      await server.seal();
      return 'seal';
    }
    await server.halt('SIGKILL');
    return 'kill';
  }

  /** Undoes a blow. Resolves when the server serves again. */
  async mend(name: ServerName, blow: Blow): Promise<void> {
    const server = this.servers[name];
    if (blow === 'seal' && 'unseal' in server) await server.unseal();
    else await server.restart();
  }

  async stop(): Promise<void> {
    await Promise.all(Object.values(this.servers).map((server) => server.stop()));
  }
}
