import fs from 'node:fs';
import path from 'node:path';
import { askHttp } from './http';
import { launchInFolder } from './launch';
import type { VaultOptions, VaultServer } from './vault';
import { baoPath } from './vault-kind';
import { enableKv2, expectOk, initialise, unsealNode } from './vault-raft';

/**
 * Starts an OpenBao in memory, with a KV v2 engine at `secret/`: what a Vault in dev mode is. Its own dev mode copies
 * the whole storage for each read, hence a configuration whose storage has no transactions.
 */
export async function startBaoInMemory(options: VaultOptions & { rootToken: string }): Promise<VaultServer> {
  const launched = await launchInFolder(options, {
    name: 'bao',
    command: baoPath(),
    ...(options.env && { env: options.env }),
    portCount: 2,
    args: ([port = 0, clusterPort = 0], dir) => [
      'server',
      `-config=${writeConfig(dir, port, clusterPort)}`,
      ...(options.stanzas === undefined ? [] : [`-config=${writeStanzas(dir, options.stanzas)}`]),
      '-log-level=warn',
    ],
    healthy: async ([port = 0]) => {
      await askHttp(`http://127.0.0.1:${port}/v1/sys/health`);
      return undefined;
    },
  });
  const address = `http://127.0.0.1:${launched.port}`;
  try {
    const { rootToken, unsealKey } = await initialise(address);
    await unsealNode(address, unsealKey);
    // The token that a dev server would have been given.
    const token = { id: options.rootToken, policies: ['root'], no_parent: true };
    await expectOk(address, 'auth/token/create', token, rootToken);
    await enableKv2(address, options.rootToken, 'secret/');
  } catch (error) {
    await launched.stop();
    throw error;
  }
  return Object.assign(launched, { address, rootToken: options.rootToken });
}

function writeStanzas(dir: string, stanzas: string): string {
  const file = path.join(dir, 'stanzas.hcl');
  fs.writeFileSync(file, stanzas);
  return file;
}

function writeConfig(dir: string, port: number, clusterPort: number): string {
  const file = path.join(dir, 'bao.json');
  const config = {
    storage: { inmem: { disable_transactions: 'true' } },
    listener: [
      {
        tcp: { address: `127.0.0.1:${port}`, cluster_address: `127.0.0.1:${clusterPort}`, tls_disable: true },
      },
    ],
    api_addr: `http://127.0.0.1:${port}`,
  };
  fs.writeFileSync(file, JSON.stringify(config, null, 2));
  return file;
}
