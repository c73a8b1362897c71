import { hashBucket } from '../../src/rules/bucket';
import { SyncInfoError } from '../../src/rules/errors';
import {
  differingBuckets,
  emptyIndex,
  hashOfIndex,
  parseIndex,
  serializeIndex,
} from '../../src/rules/sync-index';

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

it('emptyIndex holds the hash of an empty bucket for each bucket', () => {
  expect(emptyIndex(3)).toEqual([hashBucket(new Map()), hashBucket(new Map()), hashBucket(new Map())]);
});

it('hashOfIndex tells indices apart, also by their order', () => {
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
  ])('%s', (_reason, origin, destination, expected) => {
    expect(differingBuckets(origin, destination)).toEqual(expected);
  });
});
