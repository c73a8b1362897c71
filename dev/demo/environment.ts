import path from 'node:path';
import { startServers, vaultKind } from '../servers/start';
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
  /** What origin and destinations are. */
  product: 'Vault' | 'OpenBao';
  origin: DemoVault;
  destinations: readonly [DemoVault, DemoVault];
  /** Whether the servers keep running after the demo, so that it has to tidy up before and after. */
  outlivesDemo: boolean;
  stop: () => Promise<void>;
}

/** Starts all five servers on free ports, with their logs under `dir`. */
export async function startEnvironment(dir: string): Promise<Environment> {
  const names = ['origin-vault', 'destination-1-vault', 'destination-2-vault'];
  const { temporal, consul, vaults, stop } = await startServers({ dir, ui: true, vaults: names });
  const [origin, first, second] = vaults.map(
    ({ address, rootToken }) => new DemoVault(address, rootToken),
  ) as [DemoVault, DemoVault, DemoVault];
  const executable = shortName(temporal.command);
  return {
    temporal: {
      address: temporal.address,
      uiAddress: temporal.uiAddress ?? '',
      commandLine: (command) => `${executable} ${command} --address ${temporal.address}`,
    },
    consul: { address: consul.address },
    product: productOfDemo(),
    origin,
    destinations: [first, second],
    outlivesDemo: false,
    stop,
  };
}

/** As `--servers` says. */
export function productOfDemo(): Environment['product'] {
  return vaultKind() === 'bao' ? 'OpenBao' : 'Vault';
}

/** Without its folder, if the shell finds it on PATH. */
function shortName(executable: string): string {
  const folders = (process.env.PATH ?? '').split(path.delimiter);
  return folders.includes(path.dirname(executable)) ? path.basename(executable) : executable;
}
