import fc from 'fast-check';
import { FairQueue } from '../../src/concurrency/fair-queue';

test('each group has its turn, however many of another wait', () => {
  const queue = new FairQueue<string>();
  for (const item of ['h1', 'h2', 'h3', 'h4']) queue.push('huge/', item);
  for (const item of ['s1', 's2']) queue.push('small/', item);
  const order = Array.from({ length: 7 }, () => queue.shift());
  expect(order).toEqual(['h1', 's1', 'h2', 's2', 'h3', 'h4', undefined]);
  expect(queue.size).toBe(0);
});

test('who comes late has the next turn but those of the groups before', () => {
  const queue = new FairQueue<string>();
  for (let item = 0; item < 100; item++) queue.push('huge/', `h${item}`);
  queue.shift();
  queue.push('small/', 's');
  expect([queue.shift(), queue.shift()]).toEqual(['h1', 's']);
});

test('nothing is lost, and each group keeps its order', () => {
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
