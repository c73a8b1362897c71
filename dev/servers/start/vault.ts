import { randomBytes } from 'node:crypto';
import { vaultDevArguments } from './arguments';
import { startBaoInMemory } from './bao';
import { launchInFolder, type RunningServer, type StartOptions } from './launch';
import { mountNotReady } from './mount-ready';
import { serverPaths } from './server-paths';
import { vaultKind, type VaultKind } from './vault-kind';

export interface VaultOptions extends StartOptions {
  /** Random by default. */
  rootToken?: string;
  /** The server under test by default. */
  kind?: VaultKind;
  /** Stanzas for the server's file, in HCL; OpenBao only. */
  stanzas?: string;
  /** Added to its environment. */
  env?: NodeJS.ProcessEnv;
}

export interface VaultServer extends RunningServer {
  readonly rootToken: string;
}

/** Starts a Vault dev server, or an OpenBao that is like one: unsealed, in memory, with a KV v2 engine at `secret/`. */
export async function startVaultDev(options: VaultOptions = {}): Promise<VaultServer> {
  const rootToken = options.rootToken ?? `root-${randomBytes(12).toString('hex')}`;
  if ((options.kind ?? vaultKind()) === 'bao') return startBaoInMemory({ ...options, rootToken });
  const { vault: command } = await serverPaths();
  const launched = await launchInFolder(options, {
    name: 'vault',
    command,
    ...(options.env && { env: options.env }),
    portCount: 1,
    args: ([port = 0]) => vaultDevArguments({ listen: `127.0.0.1:${port}`, rootToken }),
    healthy: ([port]) => mountNotReady(`http://127.0.0.1:${String(port)}`, rootToken, 'secret/'),
  });
  const [port = 0] = launched.ports;
  return Object.assign(launched, { address: `http://127.0.0.1:${port}`, rootToken });
}
