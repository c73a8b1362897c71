import { launchInFolder, type RestartableServer, type StartOptions } from './launch';
import { enableKv2, initialise, expectOk, raftNode, unsealNode } from './vault-raft';
import type { VaultServer } from './vault';
import type { VaultKind } from './vault-kind';

export interface VaultFileOptions extends StartOptions {
  /** KV v2 engines to enable; `['secret/']` by default. */
  mounts?: readonly string[];
  /** The server under test by default. */
  kind?: VaultKind;
  /** Parameters of its listener, `max_json_depth` for example. */
  listener?: Readonly<Record<string, unknown>>;
}

/** A Vault that keeps its data, for tests of restarts, outages and seals. */
export interface VaultFileServer extends VaultServer, Omit<RestartableServer, 'restart'> {
  readonly unsealKey: string;
  seal(): Promise<void>;
  /** Returns when it serves requests again. */
  unseal(): Promise<void>;
  /**
   * Ends the process if it runs, and starts it on the same port with its data; unsealed by
   * default.
   */
  restart(options?: { unseal?: boolean }): Promise<void>;
}

/** Starts a Vault with its (raft) storage on disk, initialised, unsealed, with its mounts ready. */
export async function startVaultFile(options: VaultFileOptions = {}): Promise<VaultFileServer> {
  const { mounts = ['secret/'] } = options;
  const launched = await launchInFolder(options, await raftNode('one', options.kind, options.listener));
  const address = `http://127.0.0.1:${launched.port}`;
  try {
    const { rootToken, unsealKey } = await initialise(address);
    const unseal = (): Promise<void> => unsealNode(address, unsealKey);
    await unseal();
    for (const mount of mounts) await enableKv2(address, rootToken, mount);
    const start = launched.restart;
    return Object.assign(launched, {
      address,
      rootToken,
      unsealKey,
      seal: () => expectOk(address, 'sys/seal', {}, rootToken),
      unseal,
      restart: async ({ unseal: alsoUnseal = true } = {}) => {
        await start();
        if (alsoUnseal) await unseal();
      },
    });
  } catch (error) {
    await launched.stop();
    throw error;
  }
}
