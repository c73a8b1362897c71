import fc from 'fast-check';
import { dealOut } from '../../src/activities/destination/deletes/guard-deletes';
import { GROUP_SECRETS, MAX_GROUPS } from '../../src/limits';

const weights = fc
  .array(fc.integer({ min: 0, max: 5_000 }), { minLength: 1, maxLength: 600 })
  .map((secrets) => secrets.map((count, id): [number, number] => [id, count]));

describe('dealOut', () => {
  test.each([
    ['one bucket with one secret', [1], 1],
    ['one bucket with more secrets than a group has', [3_000], 1],
    ['few secrets in many buckets', Array(64).fill(1), 1],
    ['1,200 secrets in 60 buckets', Array(60).fill(20), 2],
    ['1,000 secrets in 64 buckets', Array(64).fill(1_000 / 64), 2],
    ['10,000 secrets in 64 buckets', Array(64).fill(10_000 / 64), 15],
    ['40,000 secrets in 64 buckets', Array(64).fill(40_000 / 64), MAX_GROUPS],
    ['no secrets in 4,096 buckets: each of them is read', Array(4_096).fill(0), 6],
  ] as [string, number[], number][])('%s', (_, secrets, groups) => {
    expect(dealOut(secrets.map((count, id) => [id, count]))).toHaveLength(groups);
  });

  test('puts every bucket in exactly one group and leaves no group empty', () => {
    fc.assert(
      fc.property(weights, (all) => {
        const groups = dealOut(all);
        expect(groups.flat().sort((a, b) => a - b)).toEqual(all.map(([id]) => id));
        expect(groups.every((ids) => ids.length > 0)).toBe(true);
        expect(groups.length).toBeLessThanOrEqual(MAX_GROUPS);
      }),
    );
  });

  test('keeps the sizes of groups within one bucket of each other', () => {
    fc.assert(
      fc.property(weights, (all) => {
        const secretsOf = new Map(all);
        const sizes = dealOut(all).map((ids) =>
          ids.reduce((sum, id) => sum + (secretsOf.get(id) ?? 0) + 1, 0),
        );
        const largest = Math.max(...all.map(([, secrets]) => secrets + 1));
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(largest);
      }),
    );
  });

  test('ignores the order of the buckets', () => {
    fc.assert(
      fc.property(weights, (all) => {
        expect(dealOut([...all].reverse())).toEqual(dealOut(all));
      }),
    );
  });

  test('puts the largest work first', () => {
    const [first = []] = dealOut([
      [1, 10],
      [2, 2 * GROUP_SECRETS],
      [3, 10],
    ]);
    expect(first).toEqual([2]);
  });
});
