import { SyncInfo } from '../../../src/sync-info/sync-info';
import { bucketId, hashBucket } from '../../../src/rules/bucket';
import type { Insight } from '../../../src/rules/insight';
import { countUnverified, unverifyClaims } from '../../../src/cli/verify/repair';
import { MemoryStore } from '../../support/memory-store';

const NUM_BUCKETS = 3;
const PATHS = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => `s/data/${name}`);
const insight = (version: number): Insight => ({ version, updateTime: '2026-01-01T00:00:00Z', type: 'kvV2' });

let store: MemoryStore;
let info: SyncInfo;

/** Info that claims version 5 of every path. */
beforeEach(async () => {
  store = new MemoryStore();
  info = new SyncInfo(store, 'vsync/destination/');
  const buckets = Array.from({ length: NUM_BUCKETS }, () => new Map<string, Insight>());
  for (const path of PATHS) buckets[bucketId(path, NUM_BUCKETS)]?.set(path, insight(5));
  await store.commit([
    ...buckets.map((bucket, id) => info.writeOfBucket(id, bucket, 0)),
    info.writeOfIndex(buckets.map(hashBucket), 0),
  ]);
  store.written.length = 0;
});

/** Version that is claimed of each path; and that every bucket fits the index. */
async function claims(): Promise<Record<string, number>> {
  const { index } = await info.readIndex();
  const all: Record<string, number> = {};
  for (let id = 0; id < NUM_BUCKETS; id++) {
    const { bucket, hash } = await info.readBucket(id);
    expect(hash).toBe(index?.[id]);
    for (const [path, { version }] of bucket ?? []) all[path] = version;
  }
  return all;
}

const unchanged = Object.fromEntries(PATHS.map((path) => [path, 5]));

describe('unverifyClaims', () => {
  it('makes exactly the claims of these paths unverified, and updates the index', async () => {
    expect(await unverifyClaims(info, ['s/data/a', 's/data/d', 's/data/not-claimed'])).toBe(2);
    expect(await claims()).toEqual({ ...unchanged, 's/data/a': 0, 's/data/d': 0 });
    expect(store.written.at(-1)).toBe('vsync/destination/index');
    expect(await countUnverified(info, PATHS)).toBe(2);
    expect(await countUnverified(info, ['s/data/b'])).toBe(0);
  });

  it('writes nothing the second time', async () => {
    await unverifyClaims(info, ['s/data/a']);
    store.written.length = 0;
    expect(await unverifyClaims(info, ['s/data/a'])).toBe(0);
    expect(store.written).toEqual([]);
  });

  it('makes a whole bucket unverified that does not match its index', async () => {
    const id = bucketId('s/data/a', NUM_BUCKETS);
    const others = PATHS.filter((path) => bucketId(path, NUM_BUCKETS) === id);
    const forged = new Map(others.map((path) => [path, insight(9)]));
    store.put(info.bucketKey(id), info.writeOfBucket(id, forged, 0).value);
    expect(await unverifyClaims(info, ['s/data/a'])).toBe(others.length);
    const expected = Object.fromEntries(others.map((path) => [path, 0]));
    expect(await claims()).toEqual({ ...unchanged, ...expected });
  });

  it('replaces a missing or damaged bucket', async () => {
    const id = bucketId('s/data/a', NUM_BUCKETS);
    store.put(info.bucketKey(id), 'not a bucket');
    expect(await unverifyClaims(info, ['s/data/a'])).toBe(0);
    expect(Object.keys(await claims())).toEqual(
      expect.arrayContaining(PATHS.filter((path) => bucketId(path, NUM_BUCKETS) !== id)),
    );
    store.values.delete(info.bucketKey(id));
    await unverifyClaims(info, ['s/data/a']);
    expect((await info.readBucket(id)).bucket).toEqual(new Map());
  });

  it('finishes a call that was cut off between bucket and index', async () => {
    const index = store.values.get(info.indexKey)?.value ?? '';
    await unverifyClaims(info, ['s/data/a']);
    store.put(info.indexKey, index);
    await unverifyClaims(info, ['s/data/a']);
    expect((await claims())['s/data/a']).toBe(0);
  });

  it('changes nothing without an index, because no claim is trusted then', async () => {
    store.values.delete(info.indexKey);
    expect(await unverifyClaims(info, ['s/data/a'])).toBe(0);
    expect(store.written).toEqual([]);
  });

  it.each(['the index', 'a bucket'])(
    'does not overwrite %s that a cycle writes at the same moment',
    async (what) => {
      const key = what === 'the index' ? info.indexKey : info.bucketKey(bucketId('s/data/a', NUM_BUCKETS));
      const commit = store.commit.bind(store);
      jest.spyOn(store, 'commit').mockImplementation((writes) => {
        store.put(key, store.values.get(key)?.value ?? '');
        return commit(writes);
      });
      await expect(unverifyClaims(info, ['s/data/a'])).rejects.toThrow(
        /^Consul memory: vsync\/destination\/.*: a cycle wrote .* at the same moment; no secret was changed: run "vsync verify --repair" again$/,
      );
      expect(await claims()).toEqual(unchanged);
    },
  );
});
