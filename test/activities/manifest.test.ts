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

describe('bucketsOfChunk', () => {
  test('puts every bucket in exactly one chunk and leaves no chunk empty', () => {
    fc.assert(
      fc.property(split, ([numBuckets, chunks]) => {
        const all = [...Array(chunks).keys()].map((chunk) => bucketsOfChunk(chunk, numBuckets, chunks));
        expect(all.flat()).toEqual([...Array(numBuckets).keys()]);
        expect(all.every((ids) => ids.length > 0)).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  test('agrees with chunkOfBucket', () => {
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

  test('keeps the sizes of chunks within one bucket of each other', () => {
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

describe('readManifest and readChunk', () => {
  const staging = new Staging(new MemoryStore(), 'vsync/origin/staging/');
  const manifest: Manifest = { v: 1, numBuckets: 4, mounts: { 'a/': 'u' }, unknown: ['a/b/'], chunks: ['x'] };

  test('return what was staged', async () => {
    expect(await readManifest(staging, await staging.put(manifest))).toEqual(manifest);
  });

  test('refuse what another version wrote, and other content', async () => {
    const reference = await staging.put({ ...manifest, v: 2 });
    await expect(readManifest(staging, reference)).rejects.toThrow(StoredInfoError);
    await expect(readChunk(staging, await staging.put(manifest))).rejects.toThrow(StoredInfoError);
  });
});
