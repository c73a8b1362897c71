import { beside } from '../../src/activities/destination/base/deps';
import { inParallel } from '../../src/concurrency/in-parallel';
import { Room } from '../../src/concurrency/work-pool';

test('a cycle does not wait behind the comparisons of a verify', async () => {
  const never = new AbortController().signal;
  const rooms = { secretRoom: new Room(() => 4), verifyRoom: new Room(() => 2) };
  const order: string[] = [];
  const step = async (what: string): Promise<void> => {
    await new Promise((resolve) => setImmediate(resolve));
    order.push(what);
  };
  const verify = beside(rooms, Array<string>(100).fill('verify'), never, step);
  const cycle = inParallel(Array<string>(10).fill('cycle'), never, step, rooms.secretRoom);
  await Promise.all([verify, cycle]);
  expect(order.lastIndexOf('cycle')).toBeLessThan(30);
  expect(order.filter((what) => what === 'verify')).toHaveLength(100);
});
