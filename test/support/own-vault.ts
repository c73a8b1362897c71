import type { Logger } from 'pino';
import { FaultProxy } from './fault-proxy';
import type { VaultFileServer } from '../../dev/servers/start/vault-file';
import { SyncFixture, type FixtureOptions } from './sync-fixture';
import { VaultApi } from '../../dev/shared/vault-api';

export interface OwnVaultOptions extends FixtureOptions {
  log?: Logger;
  /** Policy of the token at that Vault; root without one. */
  policy?: (mount: string) => string;
}

/** A running sync of which one side is a Vault of the test's own, behind a proxy: it may be sealed, killed, restarted. */
export interface OwnVaultSync {
  sync: SyncFixture;
  proxy: FaultProxy;
  /** That Vault, past the proxy. */
  api: VaultApi;
  tearDown: () => Promise<void>;
}

/** @param side whose Vault it is */
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
