import { fits, type StoredBucket } from '../../src/sync-info/indexed-buckets';

describe('fits', () => {
  const bucket: StoredBucket = { bucket: new Map(), hash: 'a', revision: 1 };
  const missing: StoredBucket = { bucket: undefined, hash: undefined, revision: 0 };

  it.each<[string, boolean, StoredBucket | undefined, string | undefined]>([
    ['a bucket with the hash of its entry', true, bucket, 'a'],
    ['a bucket with another hash', false, bucket, 'b'],
    ['a bucket without an entry', false, bucket, undefined],
    ['a bucket that is not there', false, missing, 'a'],
    ['a bucket that is not there, without an entry', false, missing, undefined],
    ['no bucket at all, without an entry', false, undefined, undefined],
  ])('of %s: %s', (_what, expected, stored, entry) => {
    expect(fits(stored, entry)).toBe(expected);
  });
});
