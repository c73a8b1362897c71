import { FaultProxy } from '../support/fault-proxy';
import { sharedServers } from '../support/shared-servers';
import { SyncFixture } from '../support/sync-fixture';
import { VaultApi } from '../../dev/shared/vault-api';

test('a first copy under a quota of the destination’s Vault finishes, with few refused requests', async () => {
  const COUNT = 40;
  const PER_SECOND = 10;
  const proxy = await FaultProxy.before(sharedServers().destinations[0].address);
  const sync = await SyncFixture.create({ destinationVault: proxy.address, numWorkers: 16 });
  const vault = new VaultApi(sharedServers().destinations[0]);
  try {
    await sync.run();
    const paths = Array.from({ length: COUNT }, (_, at) => `s${at}`);
    await Promise.all(paths.map((path) => sync.originVault.put(sync.mount, path, { path })));
    await sync.cycle('origin');
    const quota = { path: sync.mount, rate: PER_SECOND, interval: '1s' };
    await vault.request('POST', `sys/quotas/rate-limit/${sync.id}`, quota);
    proxy.choose(() => undefined);
    expect(await sync.cycle('destination')).toMatchObject({
      outcome: 'synced',
      counts: { added: COUNT, failed: 0 },
    });
    const writes = proxy.requests.filter(
      (request) => request.startsWith('POST') && request.includes('/data/'),
    );
    await vault.request('DELETE', `sys/quotas/rate-limit/${sync.id}`);

    // Each secret is written once. All other writes were refused.
    const refused = writes.length - COUNT;
    expect(refused).toBeGreaterThan(0);
    // First all that are in flight, then a few after each pause. A pause lets the requests of one second pass.
    expect(refused).toBeLessThanOrEqual(16 + 4 * (COUNT / PER_SECOND));
    const versions = await Promise.all(paths.map((path) => vault.version(sync.mount, path)));
    expect(versions).toEqual(paths.map(() => 1));
  } finally {
    await vault.request('DELETE', `sys/quotas/rate-limit/${sync.id}`);
    await sync.tearDown();
    await proxy.close();
  }
});
