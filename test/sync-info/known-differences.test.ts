import {
  isKnownDifference,
  readKnownDifferences,
  knownDifference,
  writeOfKnownDifferences,
  type BucketHashes,
} from '../../src/sync-info/known-differences';
import { SyncInfo } from '../../src/sync-info/sync-info';
import { MemoryStore } from '../support/memory-store';

const hashes = (char: string, settings?: string): BucketHashes => ({
  insights: char.repeat(64),
  settings: settings?.repeat(64),
});
const [A, B, C] = ['a', 'b', 'c'].map((char) => hashes(char)) as [BucketHashes, BucketHashes, BucketHashes];

describe('known differences', () => {
  const store = new MemoryStore();
  const info = new SyncInfo(store, 'vsync/destination/');

  it('are read as they were written', async () => {
    expect(await readKnownDifferences(info)).toEqual({ buckets: new Map(), rules: '', revision: 0 });
    const buckets = new Map([[3, knownDifference(A, B, 5)]]);
    await store.commit([writeOfKnownDifferences(info, 'rules', buckets, 0)]);
    expect(await readKnownDifferences(info)).toMatchObject({ buckets, rules: 'rules' });
  });

  it('hold until one of the two sides changes', () => {
    const bucket = knownDifference(A, B, 5);
    expect(isKnownDifference(bucket, A, B)).toBe(true);
    expect(isKnownDifference(bucket, C, B)).toBe(false);
    expect(isKnownDifference(bucket, A, C)).toBe(false);
    expect(isKnownDifference(bucket, A, { insights: undefined, settings: undefined })).toBe(false);
    expect(isKnownDifference(bucket, hashes('a', 'd'), B)).toBe(false);
    expect(isKnownDifference(knownDifference(hashes('a', 'd'), B, 0), hashes('a', 'e'), B)).toBe(false);
    expect(isKnownDifference(undefined, A, B)).toBe(false);
  });

  it.each([['no JSON'], ['[]'], ['{"v":2,"rules":"rules","buckets":{}}']])(
    'that read %j count for nothing',
    async (text) => {
      store.put(info.knownDifferencesKey, text);
      expect((await readKnownDifferences(info)).buckets.size).toBe(0);
    },
  );
});
