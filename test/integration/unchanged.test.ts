import { GateProxy } from '../support/gate-proxy';
import { sharedServers } from '../support/shared-servers';
import { SyncFixture } from '../support/sync-fixture';

describe('cycles', () => {
  let sync: SyncFixture;
  /** Counts the requests to the destination's Vault. */
  let proxy: GateProxy;
  const paths = ['a', 'b/c', 'b/d', 'e'];

  beforeAll(async () => {
    proxy = await GateProxy.before(sharedServers().destinations[0].address);
    sync = await SyncFixture.create({ destinationVault: proxy.address });
    for (const path of paths) await sync.originVault.put(sync.mount, path, { path });
    await sync.run();
    await sync.cycle('origin');
    await sync.cycle('destination');
  });

  afterAll(async () => {
    await sync.tearDown();
    await proxy.close();
  });

  test('write neither a version to Vault nor a key to Consul without a change', async () => {
    const revisions = await sync.consul.revisions(sync.syncPath);
    const versions = (): Promise<(number | undefined)[]> =>
      Promise.all(paths.map(async (path) => sync.destinationVaults[0]?.version(sync.mount, path)));
    expect(await versions()).toEqual([1, 1, 1, 1]);
    expect(Object.keys(revisions)).toContain(`${sync.infoPrefix('destination')}state`);

    for (let round = 0; round < 2; round++) {
      expect(await sync.cycle('origin')).toMatchObject({
        outcome: 'unchanged',
        counts: { listed: 4, read: 4 },
      });
      expect(await sync.cycle('destination')).toMatchObject({
        outcome: 'unchanged',
        counts: { read: 0, added: 0 },
      });
    }
    expect(await sync.consul.revisions(sync.syncPath)).toEqual(revisions);
    expect(await versions()).toEqual([1, 1, 1, 1]);
  });

  test("ask the destination's Vault only for its mount and the token's capabilities without a change", async () => {
    proxy.passed.length = 0;
    expect(await sync.cycle('destination')).toMatchObject({ outcome: 'unchanged' });
    expect(proxy.passed).toEqual([
      `GET /v1/sys/internal/ui/mounts/${sync.mount.slice(0, -1)}`,
      'POST /v1/sys/capabilities-self',
    ]);
  });

  test('rebuild lost destination info by comparing, without new versions', async () => {
    for (const key of Object.keys(await sync.consul.revisions(sync.infoPrefix('destination')))) {
      await sync.consul.delete(key);
    }
    const before = await sync.consul.values(sync.infoPrefix('origin'));
    expect(await sync.cycle('destination')).toMatchObject({ counts: { added: 0, updated: 0, skipped: 4 } });
    expect(await sync.destinationVaults[0]?.version(sync.mount, 'a')).toBe(1);
    const rebuilt = await sync.consul.values(sync.infoPrefix('destination'));
    expect(rebuilt[`${sync.infoPrefix('destination')}index`]).toBe(
      before[`${sync.infoPrefix('origin')}index`],
    );
  });

  test('rebuild a damaged destination bucket by comparing, without needless versions', async () => {
    const index = await sync.consul.values(`${sync.infoPrefix('destination')}index`);
    for (const id of [0, 1, 2, 3]) await sync.consul.put(`${sync.infoPrefix('destination')}${id}`, '<html>');
    // A damaged bucket is not read while the indices are equal. A change makes the cycle read it.
    for (const path of paths) await sync.originVault.put(sync.mount, path, { path, changed: true });
    await sync.cycle('origin');
    expect(await sync.cycle('destination')).toMatchObject({
      outcome: 'synced',
      counts: { updated: 4, failed: 0 },
    });
    expect(await sync.consul.values(`${sync.infoPrefix('destination')}index`)).not.toEqual(index);
    expect(await sync.cycle('destination')).toMatchObject({ outcome: 'unchanged' });
  });
});
