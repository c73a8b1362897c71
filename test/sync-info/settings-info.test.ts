import { SyncInfo } from '../../src/sync-info/sync-info';
import { hashSettingsBucket } from '../../src/rules/settings';
import { MemoryStore } from '../support/memory-store';

const PRINT = '0f'.repeat(32);
let store: MemoryStore;
let info: SyncInfo;

beforeEach(() => {
  store = new MemoryStore();
  info = new SyncInfo(store, 'vsync/origin/');
});

test('SettingsInfo uses keys below those of the sync info', () => {
  const { settings } = info;
  expect([settings.indexKey, settings.bucketKey(0), settings.bucketKey(12)]).toEqual([
    'vsync/origin/meta/index',
    'vsync/origin/meta/0',
    'vsync/origin/meta/12',
  ]);
});

test('index and bucket are read back as they were written', async () => {
  const bucket = new Map([['secret/data/a', PRINT]]);
  const index = [hashSettingsBucket(bucket)];
  await store.commit([info.settings.writeOfBucket(0, bucket, 0), info.settings.writeOfIndex(index, 0)]);
  expect(await info.settings.readIndex()).toEqual({ index, revision: 1 });
  expect(await info.settings.readBucket(0)).toEqual({ bucket, hash: index[0], revision: 1 });
  expect(await info.settings.readBucket(1)).toEqual({ bucket: undefined, hash: undefined, revision: 0 });
});

test.each(['', '[]', '<html>', '{"a":1}'])(
  'readBucket and readIndex report damage without throwing: %j',
  async (text) => {
    store.put('vsync/origin/meta/index', text);
    store.put('vsync/origin/meta/0', text);
    const { index, problem } = await info.settings.readIndex();
    expect(index).toBeUndefined();
    expect(problem).toContain('not a valid index of sync info');
    const stored = await info.settings.readBucket(0);
    expect(stored).toMatchObject({ bucket: undefined, hash: undefined, revision: 2 });
    expect(stored.problem).toContain('not a valid settings bucket of sync info');
  },
);
