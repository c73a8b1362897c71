import { SyncFixture } from '../support/sync-fixture';

/** All parts together, without any fault: a first copy, then changes, with and without a transform. */

describe('with two destinations,', () => {
  let sync: SyncFixture;

  beforeAll(async () => {
    sync = await SyncFixture.create({ destinations: 2 });
    await sync.work();
    await sync.start('origin');
    await sync.start('destination', 0);
    await sync.start('destination', 1);
  });

  afterAll(() => sync.tearDown());

  const secrets = {
    single: { password: 'first' },
    'team/app': { user: 'a', password: 'b', nested: { list: [1, 2.5, null, true] } },
    'team/app/inside': { both: 'a key and a folder' },
    'odd/with space/ключ 🔑?#%41': { value: 'odd path' },
    ['__proto__']: { ['__proto__']: 'own key', constructor: 'x' },
  };

  const atDestinations = (path: string): Promise<unknown[]> =>
    Promise.all(sync.destinationVaults.map((vault) => vault.get(sync.mount, path)));

  test('destination cycle copies every secret to each empty destination', async () => {
    for (const [path, data] of Object.entries(secrets)) await sync.originVault.put(sync.mount, path, data);
    const origin = await sync.cycle('origin');
    expect(origin).toMatchObject({
      outcome: 'synced',
      counts: { listed: 5, read: 5, unknown: 0, failed: 0 },
    });

    for (const number of [0, 1]) await sync.cycle('destination', number);
    for (const [path, data] of Object.entries(secrets))
      expect(await atDestinations(path)).toEqual([data, data]);
    // The keys of a value are compared as text, because toEqual ignores an own __proto__.
    const [copy] = await atDestinations('__proto__');
    expect(JSON.stringify(copy)).toBe('{"__proto__":"own key","constructor":"x"}');
  });

  test('destination cycle applies a change, an addition and a deletion, and touches nothing else', async () => {
    await sync.originVault.put(sync.mount, 'single', { password: 'second' });
    await sync.originVault.put(sync.mount, 'new/one', { fresh: true });
    await sync.originVault.delete(sync.mount, 'team/app');
    await sync.cycle('origin');
    await sync.cycle('destination', 0);
    await sync.cycle('destination', 1);

    expect(await atDestinations('single')).toEqual([{ password: 'second' }, { password: 'second' }]);
    expect(await atDestinations('new/one')).toEqual([{ fresh: true }, { fresh: true }]);
    expect(await atDestinations('team/app')).toEqual([undefined, undefined]);
    for (const vault of sync.destinationVaults) {
      expect(await vault.version(sync.mount, 'single')).toBe(2);
      expect(await vault.version(sync.mount, 'team/app/inside')).toBe(1);
      // The delete is soft: the version can be undeleted.
      expect(await vault.version(sync.mount, 'team/app')).toBe(1);
    }
  });

  test('destination cycle copies a secret that was deleted and restored as one new version', async () => {
    await sync.originVault.request('POST', `${sync.mount}undelete/team/app`, { versions: [1] });
    await sync.cycle('origin');
    await sync.cycle('destination', 0);
    expect(await sync.destinationVaults[0]?.get(sync.mount, 'team/app')).toEqual(secrets['team/app']);
    expect(await sync.destinationVaults[0]?.version(sync.mount, 'team/app')).toBe(2);
  });
});

describe('with a transform,', () => {
  let sync: SyncFixture;

  beforeAll(async () => {
    sync = await SyncFixture.create({
      edit: (file, role) => {
        if (role !== 'destination') return;
        const { mounts } = file['origin'] as { mounts: [string] };
        const mount = mounts[0];
        (file['destination'] as Record<string, unknown>)['transforms'] = [
          {
            name: 'team first',
            from: `^${mount}data/(?P<team>[^/]+)/(?P<app>.+)$`,
            to: `${mount}data/apps/app/team`,
          },
        ];
      },
    });
    await sync.run();
  });

  afterAll(() => sync.tearDown());

  test('destination cycle writes and deletes at the transformed path', async () => {
    const [vault] = sync.destinationVaults;
    await sync.originVault.put(sync.mount, 'blue/web', { color: 'blue' });
    await sync.originVault.put(sync.mount, 'plain', { color: 'none' });
    await sync.cycle('origin');
    await sync.cycle('destination');
    expect(await vault?.get(sync.mount, 'apps/web/blue')).toEqual({ color: 'blue' });
    expect(await vault?.get(sync.mount, 'plain')).toEqual({ color: 'none' });
    expect(await vault?.version(sync.mount, 'blue/web')).toBe(0);

    await sync.originVault.delete(sync.mount, 'blue/web');
    await sync.cycle('origin');
    expect(await sync.cycle('destination')).toMatchObject({ outcome: 'synced', counts: { deleted: 1 } });
    expect(await vault?.get(sync.mount, 'apps/web/blue')).toBeUndefined();
  });
});
