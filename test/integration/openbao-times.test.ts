import { BAO_KINDS, BaoSync } from '../support/bao-sync';
import { publishedBy } from '../support/published';

/**
 * On OpenBao a metadata write changes `updated_time` without a new version. The original publishes that time, and so
 * did earlier versions of vsync.
 */

describe.each(BAO_KINDS)('vsync with %s at both ends', (kind) => {
  let bao: BaoSync;

  beforeAll(async () => {
    bao = await BaoSync.create(kind);
    await bao.sync.run();
    // Enough secrets that the deletes of the tests stay below the delete guard's limit.
    for (let number = 0; number < 9; number++) await bao.put(`stays-${number}`);
    await bao.sync.cycle('origin');
    await bao.sync.cycle('destination');
  });

  afterAll(() => bao.tearDown());

  /** Writes a secret, then its metadata, which moves `updated_time`. @returns when the version was created */
  async function putWithMetadata(path: string): Promise<string> {
    await bao.put(path);
    await bao.set(path, { custom_metadata: { owner: 'x' } });
    const { updated_time: updated, versions } = await bao.metadata(path);
    const created = versions['1']?.created_time ?? '';
    expect(Date.parse(updated)).toBeGreaterThanOrEqual(Date.parse(created));
    expect(updated).not.toBe(created);
    return created;
  }

  test('publishes the creation time of a version, so that a later metadata write changes nothing', async () => {
    const { sync } = bao;
    const created = await putWithMetadata('a');
    await sync.cycle('origin');
    expect((await publishedBy(sync)).insights['a']).toEqual({
      version: 1,
      updateTime: created,
      type: 'kvV2',
    });
    expect(await sync.cycle('destination')).toMatchObject({ outcome: 'synced', counts: { added: 1 } });
    await bao.set('a', { custom_metadata: { owner: 'y' } });
    expect(await sync.cycle('origin')).toMatchObject({ outcome: 'unchanged' });
    expect(await sync.cycle('destination')).toMatchObject({ outcome: 'unchanged' });
    await sync.originVault.delete(sync.mount, 'a');
    await sync.cycle('origin');
    expect(await sync.cycle('destination')).toMatchObject({ outcome: 'synced', counts: { deleted: 1 } });
    expect(await bao.at('a')).toEqual([undefined, 1]);
  });

  test('copies once, claims, verifies, repairs and deletes by the info of an original, which has the time of a metadata write', async () => {
    const { sync } = bao;
    await putWithMetadata('b');
    await sync.cycle('origin');
    await bao.publishAsOriginal();
    const { updated_time: updateTime } = await bao.metadata('b');
    expect(await sync.cycle('destination')).toMatchObject({
      outcome: 'synced',
      counts: { added: 1, failed: 0 },
    });
    const claimed = (await publishedBy(sync, 'destination')).insights['b'];
    expect(claimed).toEqual({ version: 1, updateTime, type: 'kvV2' });

    // One more metadata write costs one comparison and no version.
    await bao.set('b', { max_versions: 5 });
    await bao.publishAsOriginal();
    expect((await sync.plan()).planned).toMatchObject([{ action: 'compare' }]);
    expect(await sync.cycle('destination')).toMatchObject({
      outcome: 'synced',
      counts: { updated: 0, skipped: 1, failed: 0 },
    });
    expect(await sync.cycle('destination')).toMatchObject({ outcome: 'unchanged' });
    expect(await bao.at('b')).toEqual([{ path: 'b' }, 1]);

    await sync.destinationVaults[0]?.put(sync.mount, 'b', { path: 'by hand' });
    expect((await sync.verify()).counts).toMatchObject({ drift: 1, changed: 0 });
    await sync.repair();
    expect(await bao.at('b')).toEqual([{ path: 'b' }, 3]);

    await sync.originVault.delete(sync.mount, 'b');
    await sync.cycle('origin');
    expect(await sync.cycle('destination')).toMatchObject({ counts: { deleted: 1 } });
  });

  test('claims all again without a new version after its destination info is lost and the origin is upgraded', async () => {
    const { sync } = bao;
    await putWithMetadata('c');
    await sync.cycle('origin');
    await sync.cycle('destination');
    await bao.publishAsOriginal();
    const prefix = sync.infoPrefix('destination');
    for (const key of Object.keys(await sync.consul.values(prefix))) await sync.consul.delete(key);
    await sync.cycle('destination');
    expect(await bao.at('c')).toEqual([{ path: 'c' }, 1]);
    const { insights } = await publishedBy(sync, 'destination');
    expect(insights['c']?.version).toBe(1);

    // After the upgrade the origin publishes the creation time, which is earlier.
    await sync.cycle('origin');
    const published = (await publishedBy(sync)).insights['c'];
    expect(published?.updateTime).not.toBe(insights['c']?.updateTime);
    expect(await sync.cycle('destination')).toMatchObject({
      outcome: 'synced',
      counts: { updated: 0, skipped: 1, failed: 0 },
    });
    expect((await publishedBy(sync, 'destination')).insights['c']).toEqual(published);
    expect(await sync.cycle('destination')).toMatchObject({ outcome: 'unchanged' });
    expect(await bao.at('c')).toEqual([{ path: 'c' }, 1]);
  });

  test('reports an insight as stale, and writes nothing, if no metadata has its time', async () => {
    const { sync } = bao;
    await bao.put('d');
    await sync.cycle('origin');
    const prefix = sync.infoPrefix('origin');
    const real = bao.metadata.bind(bao);
    bao.metadata = async (path) => ({ ...(await real(path)), updated_time: '2999-01-01T00:00:00Z' });
    await bao.publishAsOriginal();
    bao.metadata = real;
    expect(Object.keys(await sync.consul.values(prefix)).length).toBeGreaterThan(0);
    const cycle = await sync.cycle('destination');
    expect(cycle).toMatchObject({ outcome: 'partial', counts: { added: 0 } });
    expect(cycle.failures).toContainEqual({ path: `${sync.mount}data/d`, class: 'stale' });
    await sync.cycle('origin');
    expect(await sync.cycle('destination')).toMatchObject({ outcome: 'synced', counts: { added: 1 } });
  });
});
