import type { Logger } from 'pino';
import { FaultProxy } from './fault-proxy';
import type { VaultFileServer } from '../../dev/servers/start/vault-file';
import { SyncFixture, type FixtureOptions } from './sync-fixture';
import { VaultApi } from '../../dev/shared/vault-api';

export interface OwnVaultOptions extends FixtureOptions {
  log?: Logger;
  /** Policy of the token for that Vault; a root token without one. */
  policy?: (mount: string) => string;
}

/** A running sync with one Vault of the test's own behind a proxy. The test may seal, kill and restart it. */
export interface OwnVaultSync {
  sync: SyncFixture;
  proxy: FaultProxy;
  /** That Vault, without the proxy. */
  api: VaultApi;
  tearDown: () => Promise<void>;
}

/** @param side the side that has this Vault */
export async function syncWithVault(
  side: 'origin' | 'destination',
  vault: VaultFileServer,
  { log, policy, edit, ...options }: OwnVaultOptions = {},
): Promise<OwnVaultSync> {
  const proxy = await FaultProxy.before(vault.address);
  const api = new VaultApi(vault);
  let token = vault.rootToken;
  const sync = await SyncFixture.create({
    numBuckets: 4,
    ...options,
    beforeFiles: async ({ mount, id }) => {
      await api.mount(mount);
      if (policy !== undefined) token = await api.tokenFor(id, policy(mount));
    },
    edit: (file, role) => {
      const section = file[side] as { vault: unknown } | undefined;
      if (section !== undefined) section.vault = { address: proxy.address, token };
      edit?.(file, role);
    },
  });
  await sync.run(log === undefined ? {} : { log });
  const tearDown = async (): Promise<void> => {
    proxy.choose(() => undefined);
    await sync.tearDown();
    await proxy.close();
  };
  return { sync, proxy, api, tearDown };
}
