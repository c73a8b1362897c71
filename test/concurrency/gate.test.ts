import { Gate } from '../../src/concurrency/gate';

test('lets so many through at the same time, the others in the order in which they came', async () => {
  const gate = new Gate(2);
  expect(gate.enter()).toBeUndefined();
  expect(gate.enter()).toBeUndefined();
  const order: string[] = [];
  const waiting = ['a', 'b', 'c'].map(async (name) => {
    await gate.enter();
    order.push(name);
  });
  await new Promise(setImmediate);
  expect(order).toEqual([]);
  gate.leave();
  await new Promise(setImmediate);
  expect(order).toEqual(['a']);
  gate.leave();
  gate.leave();
  await Promise.all(waiting);
  expect(order).toEqual(['a', 'b', 'c']);
  // Two are inside: one place is free when both others are gone.
  gate.leave();
  expect(gate.enter()).toBeUndefined();
  expect(gate.enter()).toBeInstanceOf(Promise);
});
