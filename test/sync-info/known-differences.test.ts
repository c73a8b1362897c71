import {
  isSettled,
  readSettled,
  settledBucket,
  writeOfSettled,
  type BucketHashes,
} from '../../src/sync-info/known-differences';
import { SyncInfo } from '../../src/sync-info/sync-info';
import { MemoryStore } from '../support/memory-store';

const hashes = (char: string, settings?: string): BucketHashes => ({
  insights: char.repeat(64),
  settings: settings?.repeat(64),
});
const [A, B, C] = ['a', 'b', 'c'].map((char) => hashes(char)) as [BucketHashes, BucketHashes, BucketHashes];

describe('settled buckets', () => {
  const store = new MemoryStore();
  const info = new SyncInfo(store, 'vsync/destination/');

  it('come back as they were written', async () => {
    expect(await readSettled(info)).toEqual({ buckets: new Map(), rules: '', revision: 0 });
    const buckets = new Map([[3, settledBucket(A, B, 5)]]);
    await store.commit([writeOfSettled(info, 'rules', buckets, 0)]);
    expect(await readSettled(info)).toMatchObject({ buckets, rules: 'rules' });
  });

  it('are settled until one of the two sides changes', () => {
    const bucket = settledBucket(A, B, 5);
    expect(isSettled(bucket, A, B)).toBe(true);
    expect(isSettled(bucket, C, B)).toBe(false);
    expect(isSettled(bucket, A, C)).toBe(false);
    expect(isSettled(bucket, A, { insights: undefined, settings: undefined })).toBe(false);
    expect(isSettled(bucket, hashes('a', 'd'), B)).toBe(false);
    expect(isSettled(settledBucket(hashes('a', 'd'), B, 0), hashes('a', 'e'), B)).toBe(false);
    expect(isSettled(undefined, A, B)).toBe(false);
  });

  it.each([['no JSON'], ['[]'], ['{"v":2,"rules":"rules","buckets":{}}']])(
    'that read %j count for nothing',
    async (text) => {
      store.put(info.settledKey, text);
      expect((await readSettled(info)).buckets.size).toBe(0);
    },
  );
});
