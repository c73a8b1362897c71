import fc from 'fast-check';
import { inTurn } from '../../src/concurrency/in-turn';

const groupOf = (item: string): string => item.slice(0, 1);

test('each group has its turn, until it has no items left', () => {
  expect(inTurn(['a1', 'a2', 'a3', 'a4', 'b1', 'c1', 'c2'], groupOf)).toEqual([
    'a1',
    'b1',
    'c1',
    'a2',
    'c2',
    'a3',
    'a4',
  ]);
  expect(inTurn([], groupOf)).toEqual([]);
});

test('no item is lost, those of a group keep their order, and none waits for more than one item of each other group before it', () => {
  const items = fc.array(
    fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.nat()).map(([group, n]) => `${group}${n}`),
  );
  fc.assert(
    fc.property(items, (given) => {
      const ordered = inTurn(given, groupOf);
      expect([...ordered].sort()).toEqual([...given].sort());
      for (const group of 'abc') {
        const ofGroup = ordered.filter((item) => groupOf(item) === group);
        expect(ofGroup).toEqual(given.filter((item) => groupOf(item) === group));
      }
      ordered.forEach((item, at) => {
        const before = ordered.slice(0, at).filter((other) => groupOf(other) === groupOf(item)).length;
        // Three groups, each with at most one more than this one had before.
        expect(at).toBeLessThanOrEqual(3 * (before + 1) - 1);
      });
    }),
  );
});
