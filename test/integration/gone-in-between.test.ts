import { SyncFixture } from '../support/sync-fixture';

/** A secret that comes and goes between two saves of the origin's info makes no difference in the info. */
describe('for a secret that comes and goes between two origin cycles,', () => {
  let sync: SyncFixture;

  beforeEach(async () => {
    sync = await SyncFixture.create();
    for (const path of ['a', 'b', 'c', 'd']) await sync.originVault.put(sync.mount, path, { path });
    await sync.run();
    await sync.cycle('destination');
  });

  afterEach(() => sync.tearDown());

  const atDestination = async (path: string): Promise<unknown> =>
    sync.destinationVaults[0]?.get(sync.mount, path);

  test.each(['undelete', 'put'])(
    'destination cycle deletes its copy, if the secret had come back by %s',
    async (comesBackBy) => {
      expect(await atDestination('a')).toEqual({ path: 'a' });
      await sync.originVault.delete(sync.mount, 'a');
      await sync.cycle('origin');
      if (comesBackBy === 'put') await sync.originVault.put(sync.mount, 'a', { path: 'again' });
      else await sync.originVault.request('POST', `${sync.mount}undelete/a`, { versions: [1] });
      const held = await sync.cycle('destination');
      expect(held).toMatchObject({ outcome: 'unchanged', counts: { held: 1, deleted: 0 } });
      expect(await atDestination('a')).toEqual({ path: 'a' });

      await sync.originVault.delete(sync.mount, 'a');
      expect(await sync.cycle('origin')).toMatchObject({ outcome: 'unchanged' });
      expect(await sync.cycle('destination')).toMatchObject({ outcome: 'synced', counts: { deleted: 1 } });
      expect(await atDestination('a')).toBeUndefined();
      expect(await sync.cycle('destination')).toMatchObject({ outcome: 'unchanged', counts: { held: 0 } });
    },
  );

  test('destination cycle deletes its copy, if it had copied a newer value than that of the info', async () => {
    await sync.originVault.put(sync.mount, 'new', { value: 'published' });
    await sync.cycle('origin');
    await sync.originVault.put(sync.mount, 'new', { value: 'newer' });
    expect(await sync.cycle('destination')).toMatchObject({ outcome: 'synced', counts: { added: 1 } });
    expect(await atDestination('new')).toEqual({ value: 'newer' });

    await sync.originVault.delete(sync.mount, 'new');
    await sync.cycle('origin');
    expect(await sync.cycle('destination')).toMatchObject({ outcome: 'synced', counts: { deleted: 1 } });
    expect(await atDestination('new')).toBeUndefined();
    expect(await sync.cycle('destination')).toMatchObject({ outcome: 'unchanged' });
  });

  test('destination cycle deletes its copy, if it had found the newer value there while it rebuilt its info', async () => {
    const prefix = sync.infoPrefix('destination');
    for (const key of Object.keys(await sync.consul.values(prefix))) await sync.consul.delete(key);
    await sync.originVault.put(sync.mount, 'a', { value: 'newer' });
    await sync.destinationVaults[0]?.put(sync.mount, 'a', { value: 'newer' });
    expect(await sync.cycle('destination')).toMatchObject({ counts: { updated: 0, skipped: 4 } });

    await sync.originVault.delete(sync.mount, 'a');
    await sync.cycle('origin');
    expect(await sync.cycle('destination')).toMatchObject({ outcome: 'synced', counts: { deleted: 1 } });
    expect(await atDestination('a')).toBeUndefined();
  });
});
