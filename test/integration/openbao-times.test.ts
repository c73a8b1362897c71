import { BAO_KINDS, BaoSync } from '../support/bao-sync';
import { publishedBy } from '../support/published';

/**
 * On OpenBao a write of metadata moves `updated_time`, and no version. The original publishes that time, and so did
 * earlier versions of this one.
 */

describe.each(BAO_KINDS)('with %s at both ends', (kind) => {
  let bao: BaoSync;

  beforeAll(async () => {
    bao = await BaoSync.create(kind);
    await bao.sync.run();
    // So many that the deletes of the tests are few.
    for (let number = 0; number < 9; number++) await bao.put(`stays-${number}`);
    await bao.sync.cycle('origin');
    await bao.sync.cycle('destination');
  });

  afterAll(() => bao.tearDown());

  /** A secret whose metadata were written after its value, as OpenBao dates it. */
  async function putWithMetadata(path: string): Promise<string> {
    await bao.put(path);
    await bao.set(path, { custom_metadata: { owner: 'x' } });
    const { updated_time: updated, versions } = await bao.metadata(path);
    const created = versions['1']?.created_time ?? '';
    expect(Date.parse(updated)).toBeGreaterThanOrEqual(Date.parse(created));
    expect(updated).not.toBe(created);
    return created;
  }

  test('an origin publishes when the version was created, and a later metadata write changes nothing', async () => {
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

  test("an original's origin whose info has the time of a metadata write feeds a destination: copied once, claimed, verified, repaired and deleted", async () => {
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

    // One more metadata write: compared once, and no version.
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

  test('a destination whose own info is lost, and an origin of an earlier version, claim all again without a version', async () => {
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

    // The upgrade: the origin publishes the earlier time of the version itself.
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

  test('an info with a time that no metadata know is stale, and nothing is written', async () => {
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
