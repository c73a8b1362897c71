import { randomBytes } from 'node:crypto';
import { vaultDevArguments } from './arguments';
import { askHttp } from './http';
import { launchInFolder, type RunningServer, type StartOptions } from './launch';
import { serverPaths } from './server-paths';

export interface VaultOptions extends StartOptions {
  /** Random by default. */
  rootToken?: string;
}

export interface VaultServer extends RunningServer {
  readonly rootToken: string;
}

/** Starts a Vault dev server: unsealed, in memory, with a KV v2 engine at `secret/`. */
export async function startVaultDev(options: VaultOptions = {}): Promise<VaultServer> {
  const { vault: command } = await serverPaths();
  const rootToken = options.rootToken ?? `root-${randomBytes(12).toString('hex')}`;
  const launched = await launchInFolder(options, {
    name: 'vault',
    command,
    portCount: 1,
    args: ([port = 0]) => vaultDevArguments({ listen: `127.0.0.1:${port}`, rootToken }),
    healthy: ([port]) => mountNotReady(`http://127.0.0.1:${String(port)}`, rootToken, 'secret/'),
  });
  const [port = 0] = launched.ports;
  return Object.assign(launched, { address: `http://127.0.0.1:${port}`, rootToken });
}

/**
 * What keeps a KV v2 mount from being used, if anything. A fresh one first upgrades itself and refuses all
 * else; and with another Vault on the same port the token would be refused.
 */
export async function mountNotReady(
  address: string,
  token: string,
  mount: string,
): Promise<string | undefined> {
  const { status, body } = await askHttp(`${address}/v1/${mount}config`, { token });
  return status === 200 ? undefined : `${mount}config is answered ${status} ${JSON.stringify(body)}`;
}
