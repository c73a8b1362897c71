import { bucketId } from '../../src/rules/bucket';
import { ClaimMover, VALUE_CLAIMS, type ClaimRules } from '../../src/rules/claims';
import type { Bucket } from '../../src/rules/bucket';
import type { Insight } from '../../src/rules/insight';

const insight = (version: number): Insight => ({ version, updateTime: '2026-01-01T00:00:00Z', type: 'kvV2' });
const RULES: ClaimRules = {
  numBuckets: 3,
  targetBefore: (path) => path,
  targetNow: (path) => path,
  isGone: () => false,
  unverified: false,
  wants: () => true,
  isSame: () => false,
};

function moveClaims(buckets: { bucket: Bucket; fits: boolean }[], rules: ClaimRules): ClaimMover {
  const mover = new ClaimMover(rules, VALUE_CLAIMS);
  for (const { bucket: claims, fits } of buckets) mover.add(claims, fits);
  return mover;
}

const bucket = (...paths: string[]): Map<string, Insight> =>
  new Map(paths.map((path, position) => [path, insight(position + 1)]));

describe('ClaimMover', () => {
  it('moves claims to the buckets of their paths', () => {
    const before = [bucket('s/data/a', 's/data/b'), bucket('s/data/c')];
    const { buckets, orphans } = moveClaims(
      before.map((claims) => ({ bucket: claims, fits: true })),
      RULES,
    );
    expect(orphans.size).toBe(0);
    for (const [path, expected] of before.flatMap((claims) => [...claims]))
      expect(buckets[bucketId(path, 3)]?.get(path)).toEqual(expected);
    expect(buckets.reduce((sum, { size }) => sum + size, 0)).toBe(3);
  });

  it('unverifies claims of a bucket that does not fit its index, or of another origin', () => {
    const moved = moveClaims([{ bucket: bucket('s/data/a'), fits: false }], { ...RULES, numBuckets: 1 });
    expect(moved.buckets[0]?.get('s/data/a')?.version).toBe(0);
    const other = moveClaims([{ bucket: bucket('s/data/a'), fits: true }], {
      ...RULES,
      numBuckets: 1,
      unverified: true,
    });
    expect(other.buckets[0]?.get('s/data/a')?.version).toBe(0);
  });

  it.each([[true], [false]])(
    'unverifies a claim of two buckets if one of them is unverified (the first: %s)',
    (first) => {
      const buckets = [first, !first].map((fits) => ({ bucket: bucket('s/data/a'), fits }));
      expect(moveClaims(buckets, { ...RULES, numBuckets: 1 }).buckets[0]?.get('s/data/a')?.version).toBe(0);
    },
  );

  it('drops a claim whose target moved, and reports its copy as an orphan', () => {
    const { buckets, orphans } = moveClaims([{ bucket: bucket('s/data/a', 's/data/b'), fits: true }], {
      ...RULES,
      numBuckets: 1,
      targetBefore: (path) => (path === 's/data/a' ? 's/data/old' : path),
    });
    expect([...(buckets[0]?.keys() ?? [])]).toEqual(['s/data/b']);
    expect([...orphans]).toEqual([['s/data/old', 's/data/a']]);
  });

  it('drops a claim whose Vault or mount is gone, without an orphan', () => {
    const { buckets, orphans } = moveClaims([{ bucket: bucket('s/data/a', 't/data/b'), fits: true }], {
      ...RULES,
      numBuckets: 1,
      isGone: (target) => target.startsWith('s/'),
      targetNow: (path) => `moved/${path}`,
    });
    expect(buckets[0]?.size).toBe(0);
    expect([...orphans.keys()]).toEqual(['t/data/b']);
  });

  it('unverifies the claim of a secret that is no longer wanted, so that its bucket differs', () => {
    const { buckets } = moveClaims([{ bucket: bucket('s/data/a', 's/data/b'), fits: true }], {
      ...RULES,
      numBuckets: 1,
      wants: (path) => path !== 's/data/a',
    });
    expect([...(buckets[0] ?? [])].map(([path, { version }]) => [path, version])).toEqual([
      ['s/data/a', 0],
      ['s/data/b', 2],
    ]);
  });

  it('unverifies both claims on one target', () => {
    const { buckets } = moveClaims([{ bucket: bucket('s/data/a/x', 's/data/b/x', 's/data/y'), fits: true }], {
      ...RULES,
      numBuckets: 1,
      targetBefore: (path) => path.replace(/\/[ab]\//, '/'),
      targetNow: (path) => path.replace(/\/[ab]\//, '/'),
    });
    const versions = Object.fromEntries(
      [...(buckets[0] ?? [])].map(([path, { version }]) => [path, version]),
    );
    expect(versions).toEqual({ 's/data/a/x': 0, 's/data/b/x': 0, 's/data/y': 3 });
  });

  it('reports no orphan if the target is the secret of the origin itself', () => {
    const moved = { ...RULES, numBuckets: 1, targetNow: (path: string) => `copy/${path}` };
    expect(moveClaims([{ bucket: bucket('s/data/a'), fits: true }], moved).orphans.size).toBe(1);
    const { orphans } = moveClaims([{ bucket: bucket('s/data/a'), fits: true }], {
      ...moved,
      isSame: (target, path) => target === path,
    });
    expect(orphans.size).toBe(0);
  });

  it('drops the claim of a secret that is its own copy', () => {
    const { buckets, orphans } = moveClaims([{ bucket: bucket('s/data/a', 's/data/b'), fits: true }], {
      ...RULES,
      numBuckets: 1,
      isSame: (target, path) => target === path && path === 's/data/a',
    });
    expect([...(buckets[0]?.keys() ?? [])]).toEqual(['s/data/b']);
    expect(orphans.size).toBe(0);
  });
});
