import os from 'node:os';
import { SyncFixture } from '../support/sync-fixture';
import { sharedServers } from '../support/shared-servers';
import { TcpProxy } from '../../dev/shared/tcp-proxy';

/** The real servers listen on 127.0.0.1, so proxies on ::1 forward to them. */

const hasIpv6 = Object.values(os.networkInterfaces()).some((addresses) =>
  addresses?.some(({ address }) => address === '::1'),
);

(hasIpv6 ? test : test.skip)('cycles reach a Vault and a Consul at IPv6 addresses', async () => {
  const hostOf = (url: string): string => new URL(url).host;
  const { origin, consul } = sharedServers();
  const consulProxy = await TcpProxy.before(hostOf(consul), { host: '::1' });
  const vaultProxy = await TcpProxy.before(hostOf(origin.address), { host: '::1' });
  const sync = await SyncFixture.create({
    edit: (file) => {
      const section = file['origin'] as { vault: { address: string }; consul: { address: string } };
      section.consul.address = consulProxy.address;
      section.vault.address = `http://${vaultProxy.address}`;
    },
  });
  try {
    await sync.run();
    await sync.originVault.put(sync.mount, 'a', { value: 1 });
    expect(await sync.cycle('origin')).toMatchObject({ outcome: 'synced' });
    expect(await sync.cycle('destination')).toMatchObject({ outcome: 'synced', counts: { added: 1 } });
  } finally {
    await sync.tearDown();
    await consulProxy.cut();
    await vaultProxy.cut();
  }
});
