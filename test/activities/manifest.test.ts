import fc from 'fast-check';
import {
  bucketsOfChunk,
  chunkOfBucket,
  readChunk,
  readManifest,
  type Manifest,
} from '../../src/activities/origin/manifest';
import { MAX_CHUNKS } from '../../src/limits';
import { StoredInfoError } from '../../src/consul/errors';
import { Staging } from '../../src/sync-info/staging';
import { MemoryStore } from '../support/memory-store';

/** A number of buckets, and a number of chunks that a cycle may split them into. */
const split = fc
  .integer({ min: 1, max: 7000 })
  .chain((numBuckets) =>
    fc.tuple(fc.constant(numBuckets), fc.integer({ min: 1, max: Math.min(numBuckets, MAX_CHUNKS) })),
  );

describe('the split of buckets into chunks', () => {
  test('has every bucket in exactly one chunk, and no chunk without any', () => {
    fc.assert(
      fc.property(split, ([numBuckets, chunks]) => {
        const all = [...Array(chunks).keys()].map((chunk) => bucketsOfChunk(chunk, numBuckets, chunks));
        expect(all.flat()).toEqual([...Array(numBuckets).keys()]);
        expect(all.every((ids) => ids.length > 0)).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  test('is the same seen from the bucket and from the chunk', () => {
    fc.assert(
      fc.property(split, fc.nat(), ([numBuckets, chunks], any) => {
        const id = any % numBuckets;
        const chunk = chunkOfBucket(id, numBuckets, chunks);
        expect(chunk).toBeGreaterThanOrEqual(0);
        expect(chunk).toBeLessThan(chunks);
        expect(bucketsOfChunk(chunk, numBuckets, chunks)).toContain(id);
      }),
    );
  });

  test('is even: no chunk has two buckets more than another', () => {
    fc.assert(
      fc.property(split, ([numBuckets, chunks]) => {
        const sizes = [...Array(chunks).keys()].map(
          (chunk) => bucketsOfChunk(chunk, numBuckets, chunks).length,
        );
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
      }),
      { numRuns: 50 },
    );
  });
});

describe('what is staged', () => {
  const staging = new Staging(new MemoryStore(), 'vsync/origin/staging/');
  const manifest: Manifest = { v: 1, numBuckets: 4, mounts: { 'a/': 'u' }, unknown: ['a/b/'], chunks: ['x'] };

  test('is read back', async () => {
    expect(await readManifest(staging, await staging.put(manifest))).toEqual(manifest);
  });

  test('is refused if another version wrote it, or if it is something else', async () => {
    const reference = await staging.put({ ...manifest, v: 2 });
    await expect(readManifest(staging, reference)).rejects.toThrow(StoredInfoError);
    await expect(readChunk(staging, await staging.put(manifest))).rejects.toThrow(StoredInfoError);
  });
});
