import { eventually } from '../support/eventually';
import { FaultProxy } from '../support/fault-proxy';
import { sharedServers } from '../support/shared-servers';
import { SyncFixture } from '../support/sync-fixture';
import { vaultError } from '../support/wrong-answers';

/** Too many deletes wait for an approval as a whole. Everything else goes on. */

const PATHS = Array.from({ length: 60 }, (_, number) => `team/app${number}`);

describe('behind the delete guard,', () => {
  let sync: SyncFixture;
  let origin: FaultProxy;
  /** Between the destination and the origin's sync info. */
  let consul: FaultProxy;

  beforeEach(async () => {
    origin = await FaultProxy.before(sharedServers().origin.address);
    consul = await FaultProxy.before(sharedServers().consul);
    sync = await SyncFixture.create({
      edit: (file, role) => {
        const section = file['origin'] as { vault: object; consul: object };
        Object.assign(section.vault, { address: origin.address });
        if (role === 'destination') Object.assign(section.consul, { address: consul.address });
      },
    });
    await sync.run();
    await Promise.all(PATHS.map((path) => sync.originVault.put(sync.mount, path, { path })));
    await sync.cycle('origin');
    await sync.cycle('destination');
  });

  afterEach(async () => {
    await sync.tearDown();
    await Promise.all([origin.close(), consul.close()]);
  });

  const remaining = async (): Promise<number> => {
    const [vault] = sync.destinationVaults;
    const values = await Promise.all(PATHS.map(async (path) => vault?.get(sync.mount, path)));
    return values.filter((value) => value !== undefined).length;
  };
  const deleteAtOrigin = async (count: number, from = 0): Promise<void> => {
    for (const path of PATHS.slice(from, from + count)) await sync.originVault.delete(sync.mount, path);
    await sync.cycle('origin');
  };

  test('destination cycle holds too many deletes as a whole while the rest goes on, and an approval releases exactly that set', async () => {
    await deleteAtOrigin(21);
    await sync.originVault.put(sync.mount, 'new', { fresh: true });
    await sync.cycle('origin');
    const held = await sync.cycle('destination');
    expect(held).toMatchObject({ outcome: 'held', counts: { added: 1, deleted: 0, held: 21 } });
    expect(held.note).toContain('21 deletes wait for an approval (vsync approve -c FILE): 21 of 60 secrets');
    expect(await remaining()).toBe(60);
    // Later cycles hold them again. Where nothing changed, they write nothing and do not ask the origin about each.
    await sync.cycle('destination');
    const before = await sync.consul.revisions(sync.infoPrefix('destination'));
    origin.choose(() => undefined);
    expect(await sync.cycle('destination')).toMatchObject({ outcome: 'held', counts: { held: 21 } });
    expect(await sync.consul.revisions(sync.infoPrefix('destination'))).toEqual(before);
    expect(origin.requests.filter((request) => request.includes('/metadata/'))).toEqual([]);

    // One more delete after the approval makes another set.
    await sync.approve();
    await deleteAtOrigin(1, 21);
    expect(await sync.cycle('destination')).toMatchObject({
      outcome: 'held',
      counts: { held: 22, deleted: 0 },
    });
    await sync.approve();
    expect(await sync.cycle('destination')).toMatchObject({
      outcome: 'synced',
      counts: { deleted: 22, held: 0 },
    });
    expect(await remaining()).toBe(38);
    expect(await sync.cycle('destination')).toMatchObject({ outcome: 'unchanged' });
    await expect(sync.approve()).rejects.toThrow('no deletes wait for an approval');
  });

  test('destination cycle adds up the deletes of a day until an approval, so that a slow drip is noticed', async () => {
    for (const from of [0, 10]) {
      await deleteAtOrigin(10, from);
      expect(await sync.cycle('destination')).toMatchObject({ outcome: 'synced', counts: { deleted: 10 } });
    }
    await deleteAtOrigin(1, 20);
    const held = await sync.cycle('destination');
    expect(held).toMatchObject({ outcome: 'held', counts: { deleted: 0, held: 1 } });
    expect(held.note).toContain(
      '1 and the 20 of the last 24 hours of 60 secrets are more than 20 (maxDeletes: 10 %, at least 20)',
    );
    await sync.approve();
    expect(await sync.cycle('destination')).toMatchObject({ outcome: 'synced', counts: { deleted: 1 } });
    await deleteAtOrigin(5, 21);
    expect(await sync.cycle('destination')).toMatchObject({ outcome: 'synced', counts: { deleted: 5 } });
  });

  test('destination cycle counts the deletes of a worker that was stopped in the middle too', async () => {
    await deleteAtOrigin(10);
    const last = `GET /v1/${sync.mount}metadata/${PATHS[9] ?? ''}`;
    // The delete guard asks about none of them. The second question comes just before the delete.
    origin.choose((method, url) => {
      const asked = origin.requests.filter((request) => request === last).length;
      return `${method} ${url}` === last && asked === 2 ? 'hang' : undefined;
    });
    await sync.schedule('destination').trigger('BUFFER_ONE');
    await eventually(async () => {
      expect(await remaining()).toBe(51);
    }, 'nine deletes');
    await sync.stopWork();
    origin.choose(() => undefined);
    await sync.work();
    await (await sync.lastCycle('destination')).result();
    expect(await remaining()).toBe(50);
    await deleteAtOrigin(11, 10);
    const held = await sync.cycle('destination');
    expect(held).toMatchObject({ outcome: 'held', counts: { deleted: 0, held: 11 } });
    expect(held.note).toContain('11 and the 10 of the last 24 hours of 60 secrets are more than 20');
  });

  test('destination cycle counts a delete for the guard also if the origin gives no answer about it', async () => {
    await deleteAtOrigin(40);
    const asked = new Set<string>();
    origin.choose((method, url) => {
      if (method !== 'GET' || !url.includes('/metadata/') || asked.has(url)) return undefined;
      asked.add(url);
      return vaultError(403, 'permission denied');
    });
    expect(await sync.cycle('destination')).toMatchObject({ outcome: 'held', counts: { deleted: 0 } });
    expect(asked.size).toBe(40);
    expect(await remaining()).toBe(PATHS.length);
  });

  test('destination cycle leaves deletes that are published after its guard has decided to the next cycle', async () => {
    await deleteAtOrigin(1);
    // Deleted now, and published by the next cycle of the origin: the held request must not wait for long.
    for (const path of PATHS.slice(1, 41)) await sync.originVault.delete(sync.mount, path);
    const prefix = sync.infoPrefix('origin');
    let isGuarded = false;
    let isPublished = false;
    consul.choose(async (_method, url) => {
      const key = decodeURIComponent(url).split(`/kv/${prefix}`)[1]?.replace(/\?.*/, '') ?? '';
      // The guard reads buckets. The next read of the index is that of the copy.
      if (/^\d+$/.test(key)) isGuarded = true;
      if (key !== 'index' || !isGuarded || isPublished) return undefined;
      isPublished = true;
      await sync.cycle('origin');
      return undefined;
    });
    expect(await sync.cycle('destination')).toMatchObject({ counts: { deleted: 0 } });
    expect(isPublished).toBe(true);
    expect(await remaining()).toBe(PATHS.length);

    expect(await sync.cycle('destination')).toMatchObject({ outcome: 'held', counts: { deleted: 0 } });
    expect(await remaining()).toBe(PATHS.length);
  });

  test('destination cycle holds the deletes of a suddenly empty origin, whatever the value of maxDeletes', async () => {
    await sync.reconfigure('destination', (file) => {
      file['maxDeletes'] = '100%';
    });
    await deleteAtOrigin(59);
    expect(await sync.cycle('destination')).toMatchObject({ outcome: 'synced', counts: { deleted: 59 } });
    await deleteAtOrigin(1, 59);
    expect(await sync.cycle('destination')).toMatchObject({
      outcome: 'held',
      counts: { deleted: 0, held: 1 },
    });
    expect(await remaining()).toBe(1);
  });

  test('plan names every pending delete, and why it waits', async () => {
    await deleteAtOrigin(21);
    const { planned } = await sync.plan();
    expect(planned).toHaveLength(21);
    expect([...new Set(planned.map(({ action, why }) => `${action}: ${why}`))]).toEqual([
      'hold: waits for "vsync approve": 21 of 60 secrets are more than 20 (maxDeletes: 10 %, at least 20)',
    ]);
  });
});
