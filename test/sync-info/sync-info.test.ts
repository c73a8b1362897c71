import { SyncInfo } from '../../src/sync-info/sync-info';
import { emptyIndex } from '../../src/rules/bucket';
import { MemoryStore } from '../support/memory-store';

const insight = { version: 3, updateTime: '2019-05-14T23:41:52.904927369Z', type: 'kvV2' };
let store: MemoryStore;
let info: SyncInfo;

beforeEach(() => {
  store = new MemoryStore();
  info = new SyncInfo(store, 'vsync/origin/');
});

test('SyncInfo uses the key names of the original', () => {
  expect([info.indexKey, info.bucketKey(0), info.bucketKey(12), info.stateKey]).toEqual([
    'vsync/origin/index',
    'vsync/origin/0',
    'vsync/origin/12',
    'vsync/origin/state',
  ]);
});

test('SyncInfo returns undefined and revision 0 for what is missing', async () => {
  expect(await info.readIndex()).toEqual({ index: undefined, revision: 0 });
  expect(await info.readBucket(1)).toEqual({ bucket: undefined, hash: undefined, revision: 0 });
});

test('index and bucket are read back as they were written', async () => {
  const bucket = new Map([['secret/data/a', insight]]);
  await store.commit([info.writeOfIndex(emptyIndex(2), 0), info.writeOfBucket(1, bucket, 0)]);
  expect(await info.readIndex()).toEqual({ index: emptyIndex(2), revision: 1 });
  expect(await info.readBucket(1)).toMatchObject({ bucket, revision: 1 });
});

test.each(['', '[]', 'null', '{}', '<html>', '["x"]'])(
  'a damaged index is not an empty one: %j',
  async (text) => {
    store.put('vsync/origin/index', text);
    const { index, problem, revision } = await info.readIndex();
    expect(index).toBeUndefined();
    expect(problem).toContain('not a valid index of sync info');
    expect(revision).toBeGreaterThan(0);
  },
);

test.each(['', 'null', '[]', '<html>', '{"a":1}', '{"a":{"version":"1"}}'])(
  'a damaged bucket is not an empty one, and has no hash: %j',
  async (text) => {
    store.put('vsync/origin/1', text);
    const { bucket, hash, revision } = await info.readBucket(1);
    expect([bucket, hash]).toEqual([undefined, undefined]);
    expect(revision).toBeGreaterThan(0);
  },
);

test('SyncInfo reports an outage of the store, not an absence', async () => {
  store.get = () => Promise.reject(new Error('outage'));
  await expect(info.readIndex()).rejects.toThrow('outage');
  await expect(info.readBucket(0)).rejects.toThrow('outage');
});
