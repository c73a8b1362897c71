import {
  bucketId,
  entryBytes,
  hashBucket,
  serializeBucket,
  SyncInfoError,
  originVersionOf,
  differingBuckets,
  emptyIndex,
  hashOfIndex,
  isVersionOf,
  MAX_NUM_BUCKETS,
  numBucketsFor,
  parseIndex,
  serializeIndex,
} from '../../src/rules/bucket';
import fc from 'fast-check';
import { path } from './arbitrary';

const A = 'a'.repeat(64);
const B = 'b'.repeat(64);

describe('parseIndex', () => {
  it('reads what serializeIndex wrote', () => {
    expect(serializeIndex([A, B])).toBe(`["${A}","${B}"]`);
    expect(parseIndex(serializeIndex([A, B]))).toEqual([A, B]);
  });

  it.each([
    ['nothing', '', 'it is not JSON'],
    ['a bucket', '{}', 'must be an array'],
    ['null', 'null', 'must be an array'],
    ['no buckets: an empty index is an error, not "all deleted"', '[]', 'at least one bucket'],
    [
      'upper-case hex',
      JSON.stringify([A, A.toUpperCase()]),
      'hash of bucket 1: must be a sha256 in lower-case hex',
    ],
    ['a hash that is too long', JSON.stringify([`${A}a`]), 'hash of bucket 0: '],
    ['a line end after a hash', JSON.stringify([`${A}\n`]), 'hash of bucket 0: '],
    ['a hash that is no text', '[1]', 'hash of bucket 0: '],
    ['more buckets than a 16-bit hash reaches', JSON.stringify(new Array(65_536).fill(A)), 'at most 65535'],
  ])('refuses %s', (_reason, json, message) => {
    expect(() => parseIndex(json)).toThrow(SyncInfoError);
    expect(() => parseIndex(json)).toThrow(message);
  });
});

it('emptyIndex contains the hash of an empty bucket for each bucket', () => {
  expect(emptyIndex(3)).toEqual([hashBucket(new Map()), hashBucket(new Map()), hashBucket(new Map())]);
});

it('hashOfIndex differs for other hashes, and for another order', () => {
  const hashes = [[A], [A, A], [A, B], [B, A]].map(hashOfIndex);
  expect(new Set(hashes).size).toBe(4);
  expect(hashes[0]).toMatch(/^[0-9a-f]{64}$/);
});

describe('differingBuckets', () => {
  it.each([
    ['no destination index', [A, B], undefined, [0, 1]],
    ['another number of buckets', [A, B], [A], [0, 1]],
    ['fewer in the origin', [A], [A, B], [0]],
    ['equal', [A, B], [A, B], []],
    ['one differs', [A, B, A], [A, A, A], [1]],
  ])('compares indices: %s', (_reason, origin, destination, expected) => {
    expect(differingBuckets(origin, destination)).toEqual(expected);
  });
});

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

describe('entryBytes', () => {
  it('returns the most bytes that a bucket can grow by', () => {
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

describe('numBucketsFor', () => {
  it('returns the smallest power of two that keeps each bucket within the size', () => {
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
    ['stays the same while it is enough', 10, 19, 19],
    ['never falls', 0, 4096, 4096],
    ['grows to the next power of two', 750, 19, 32],
    ['an original vsync may have written', 10, 7_500, 7_500],
    ['is 7000 in the end', 130_000, 1, MAX_NUM_BUCKETS],
    ['does not exist if 7000 is not enough', 250_000, 1, undefined],
  ])('returns a number that %s', (_what, count, atLeast, expected) => {
    expect(numBucketsFor(pathsOf(count, 0), { atLeast, bucketBytes: 4_400 })).toBe(expected);
  });

  it('returns 1 without paths', () => {
    expect(numBucketsFor([], { atLeast: 1, bucketBytes: 100 })).toBe(1);
  });

  it('never returns so many that the index does not fit', () => {
    expect(Buffer.byteLength(serializeIndex(emptyIndex(MAX_NUM_BUCKETS)))).toBeLessThanOrEqual(LIMIT);
  });
});

const [one, two] = [emptyIndex(1), emptyIndex(2)];

test('originVersionOf returns the hash of the index without settings, as older states have it', () => {
  expect(originVersionOf(one)).toBe(hashOfIndex(one));
});

test('originVersionOf changes with each index', () => {
  const all = [
    originVersionOf(one),
    originVersionOf(one, one),
    originVersionOf(one, two),
    originVersionOf(two, one),
  ];
  expect(new Set(all).size).toBe(4);
});

test('isVersionOf recognizes the index with any settings', () => {
  for (const considered of [originVersionOf(one), originVersionOf(one, two)]) {
    expect(isVersionOf(considered, one)).toBe(true);
    expect(isVersionOf(considered, two)).toBe(false);
  }
  expect(isVersionOf('', one)).toBe(false);
});
