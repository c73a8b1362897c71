import path from 'node:path';
import {
  startConsul,
  startTemporal,
  startVaultDev,
  type RunningServer,
  type VaultServer,
} from '../servers/start';
import { DemoVault } from './vault';

/** The servers that the demo runs against. */
export interface Environment {
  temporal: {
    address: string;
    uiAddress: string;
    /** The command line of a `temporal` command against it. */
    commandLine: (command: string) => string;
  };
  consul: { address: string };
  origin: DemoVault;
  destinations: readonly [DemoVault, DemoVault];
  /** Whether the servers live on after the demo, so that it has to tidy up before and after. */
  outlivesDemo: boolean;
  stop: () => Promise<void>;
}

/** Starts all five servers on free ports, with their logs under `dir`. */
export async function startEnvironment(dir: string): Promise<Environment> {
  const starting = [
    startTemporal({ ui: true, dir: path.join(dir, 'temporal') }),
    startConsul({ dir: path.join(dir, 'consul') }),
    startVaultDev({ dir: path.join(dir, 'origin-vault') }),
    startVaultDev({ dir: path.join(dir, 'destination-1-vault') }),
    startVaultDev({ dir: path.join(dir, 'destination-2-vault') }),
  ] as const;
  try {
    const [temporal, consul, origin, first, second] = await Promise.all(starting);
    const executable = shortName(temporal.command);
    return {
      temporal: {
        address: temporal.address,
        uiAddress: temporal.uiAddress ?? '',
        commandLine: (command) => `${executable} ${command} --address ${temporal.address}`,
      },
      consul: { address: consul.address },
      origin: vaultOf(origin),
      destinations: [vaultOf(first), vaultOf(second)],
      outlivesDemo: false,
      stop: () => stopAll([temporal, consul, origin, first, second]),
    };
  } catch (error) {
    // The others may still be on their way up.
    const settled = await Promise.allSettled(starting);
    await stopAll(settled.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : [])));
    throw error;
  }
}

async function stopAll(servers: readonly RunningServer[]): Promise<void> {
  await Promise.all(servers.map((server) => server.stop()));
}

function vaultOf(server: VaultServer): DemoVault {
  return new DemoVault(server.address, server.rootToken);
}

/** Without its folder, if the user's shell finds it without. */
function shortName(executable: string): string {
  const folders = (process.env.PATH ?? '').split(path.delimiter);
  return folders.includes(path.dirname(executable)) ? path.basename(executable) : executable;
}
