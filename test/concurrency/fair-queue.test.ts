import fc from 'fast-check';
import { FairQueue, inTurn } from '../../src/concurrency/work-pool';

test('FairQueue lets groups take turns, however many items one of them has', () => {
  const queue = new FairQueue<string>();
  for (const item of ['h1', 'h2', 'h3', 'h4']) queue.push('huge/', item);
  for (const item of ['s1', 's2']) queue.push('small/', item);
  const order = Array.from({ length: 7 }, () => queue.shift());
  expect(order).toEqual(['h1', 's1', 'h2', 's2', 'h3', 'h4', undefined]);
  expect(queue.size).toBe(0);
});

test('FairQueue puts a new group behind the groups that are there', () => {
  const queue = new FairQueue<string>();
  for (let item = 0; item < 100; item++) queue.push('huge/', `h${item}`);
  queue.shift();
  queue.push('small/', 's');
  expect([queue.shift(), queue.shift()]).toEqual(['h1', 's']);
});

test('FairQueue loses nothing, and keeps the order of each group', () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.constantFrom('a', 'b', 'c'), { nil: undefined })), (steps) => {
      const queue = new FairQueue<[string, number]>();
      const given: [string, number][] = [];
      let pushed = 0;
      for (const group of steps) {
        if (group !== undefined) queue.push(group, [group, pushed++]);
        else given.push(...[queue.shift()].filter((item) => item !== undefined));
      }
      while (queue.size > 0) given.push(...[queue.shift()].filter((item) => item !== undefined));
      expect(given).toHaveLength(pushed);
      for (const group of ['a', 'b', 'c']) {
        const numbers = given.filter(([of]) => of === group).map(([, number]) => number);
        expect(numbers).toEqual([...numbers].sort((x, y) => x - y));
      }
    }),
  );
});

const groupOf = (item: string): string => item.slice(0, 1);

test('inTurn lets groups take turns until they have no items left', () => {
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

test('inTurn loses no item, keeps the order of each group, and puts at most one item of each other group before each', () => {
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
