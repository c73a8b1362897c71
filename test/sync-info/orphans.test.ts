import { StoredInfoError } from '../../src/consul/errors';
import { Orphans } from '../../src/sync-info/orphans';
import { MemoryStore } from '../support/memory-store';

const PREFIX = 'vsync/destination/orphans/';
const SINCE = '2026-01-01T00:00:00.000Z';

describe('Orphans', () => {
  const store = new MemoryStore();
  const orphans = new Orphans(store, PREFIX);

  it('keeps an orphan with its first time until it is removed', async () => {
    await orphans.add(new Map([...Array(200).keys()].map((n) => [`s/data/${n}`, `o/data/${n}`])), SINCE);
    await orphans.add(new Map([['s/data/7', 'o/data/other']]), '2026-02-02T00:00:00.000Z');
    const all = await orphans.read();
    expect(all.size).toBe(200);
    expect(all.get('s/data/7')).toEqual({ of: 'o/data/7', since: SINCE });
    expect(store.values.size).toBeGreaterThan(1);

    await orphans.remove([...all.keys()].filter((path) => path !== 's/data/7'));
    expect([...(await orphans.read()).keys()]).toEqual(['s/data/7']);
    await orphans.remove(['s/data/7', 's/data/never']);
    expect(store.values.size).toBe(0);
  });

  it('writes nothing without news', async () => {
    await orphans.add(new Map([['s/data/a', 'o/data/a']]), SINCE);
    const written = store.written.length;
    await orphans.add(new Map([['s/data/a', 'o/data/a']]), SINCE);
    await orphans.remove(['s/data/b']);
    expect(store.written).toHaveLength(written);
  });

  it('refuses a change after another process wrote the key', async () => {
    store.put(`${PREFIX}1`, 'no list');
    await expect(orphans.read()).rejects.toThrow(StoredInfoError);
    await expect(orphans.read()).rejects.toThrow(
      /vsync\/destination\/orphans\/1: not a list of orphans; remove the key/,
    );
  });
});
