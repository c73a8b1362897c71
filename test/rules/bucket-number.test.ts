import fc from 'fast-check';
import { bucketId, entryBytes, serializeBucket } from '../../src/rules/bucket';
import { MAX_NUM_BUCKETS, numBucketsFor } from '../../src/rules/bucket-number';
import { emptyIndex, serializeIndex } from '../../src/rules/sync-index';
import { path } from './arbitrary';

const LIMIT = 512 * 1024;
const longest = { version: 9_999_999_999, updateTime: '2019-05-14T23:41:52.904927369Z', type: 'kvV2' };
const usual = { version: 3, updateTime: '2019-05-14T23:41:52.9Z', type: 'kvV2' };
const pathsOf = (count: number, length = 40): string[] =>
  [...Array(count).keys()].map((number) => `secret/data/${'x'.repeat(length)}/${number}`);

/** Bytes of the largest bucket as it would be written. */
function largest(paths: readonly string[], numBuckets: number, insight = longest): number {
  const buckets = Array.from({ length: numBuckets }, () => new Map<string, typeof longest>());
  for (const path of paths) buckets[bucketId(path, numBuckets)]?.set(path, insight);
  return Math.max(...buckets.map((bucket) => Buffer.byteLength(serializeBucket(bucket))));
}

describe('the bytes of an entry', () => {
  it('are those that a bucket grows by, at the most', () => {
    fc.assert(
      fc.property(fc.uniqueArray(path), (paths) => {
        const wellFormed = [...new Set(paths)];
        const sum = 1 + wellFormed.reduce((bytes, path) => bytes + entryBytes(path), 0);
        const written = largest(wellFormed, 1);
        expect(written).toBe(wellFormed.length === 0 ? 2 : sum);
        expect(largest(wellFormed, 1, usual)).toBeLessThanOrEqual(written);
      }),
    );
  });
});

describe('the number of buckets for some paths', () => {
  it('is the smallest power of two that keeps each bucket within the size', () => {
    const paths = pathsOf(4000);
    const numBuckets = numBucketsFor(paths, { atLeast: 1, bucketBytes: LIMIT / 2 });
    expect(numBuckets).toBe(4);
    expect(largest(paths, 4)).toBeLessThanOrEqual(LIMIT / 2);
    expect(largest(paths, 2)).toBeGreaterThan(LIMIT / 2);
  });

  it('is exact to the byte', () => {
    const paths = pathsOf(50);
    const bytes = largest(paths, 1);
    expect(numBucketsFor(paths, { atLeast: 1, bucketBytes: bytes })).toBe(1);
    expect(numBucketsFor(paths, { atLeast: 1, bucketBytes: bytes - 1 })).toBe(2);
  });

  it.each([
    ['stays what it is while it will do', 10, 19, 19],
    ['never falls', 0, 4096, 4096],
    ['grows to the next power of two', 750, 19, 32],
    ['may be one that an original vsync wrote', 10, 7_500, 7_500],
    ['is 7000 in the end', 130_000, 1, MAX_NUM_BUCKETS],
    ['is none where not even 7000 will do', 250_000, 1, undefined],
  ])('%s', (_what, count, atLeast, expected) => {
    expect(numBucketsFor(pathsOf(count, 0), { atLeast, bucketBytes: 4_400 })).toBe(expected);
  });

  it('is 1 without paths', () => {
    expect(numBucketsFor([], { atLeast: 1, bucketBytes: 100 })).toBe(1);
  });

  it('is never so large that its index does not fit', () => {
    expect(Buffer.byteLength(serializeIndex(emptyIndex(MAX_NUM_BUCKETS)))).toBeLessThanOrEqual(LIMIT);
  });
});
