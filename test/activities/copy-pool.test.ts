import { setMaxListeners } from 'node:events';
import { copyPool, inVerifyPool } from '../../src/activities/destination/base/deps';
import { inParallel, WorkPool } from '../../src/concurrency/work-pool';

test('copyPool follows the lower of the two adaptive limits, up to its bound', async () => {
  const room = { origin: 3, destination: 8 };
  const vault = (
    at: keyof typeof room,
  ): { client: { requestsAtOnce: number; reportDemand: () => void } } => ({
    client: {
      get requestsAtOnce() {
        return room[at];
      },
      reportDemand: () => told.push(at),
    },
  });
  const told: string[] = [];
  const vaults = [vault('origin'), vault('destination')];
  const secrets = copyPool(6, vaults);
  const never = new AbortController().signal;
  setMaxListeners(0, never);
  const ends: (() => void)[] = [];
  const all = Array.from({ length: 20 }, () =>
    secrets.run(() => new Promise<void>((end) => ends.push(end)), never),
  );
  let ended = 0;
  const endOne = async (): Promise<void> => {
    ends[ended++]?.();
    await new Promise(setImmediate);
  };
  const inFlight = async (): Promise<number> => {
    await new Promise(setImmediate);
    return ends.length - ended;
  };

  expect(await inFlight()).toBe(3);
  // The other one has room as it is.
  expect(new Set(told)).toEqual(new Set(['origin']));
  room.origin = 5;
  await endOne();
  expect(await inFlight()).toBe(5);
  room.origin = 100;
  await endOne();
  expect(await inFlight()).toBe(6);
  told.length = 0;
  await endOne();
  expect(told).toEqual([]);
  room.destination = 2;
  for (let time = 0; time < 5; time++) await endOne();
  expect(await inFlight()).toBe(2);
  while (ended < all.length) await endOne();
  await Promise.all(all);
});

test('inVerifyPool leaves room for cycles', async () => {
  const never = new AbortController().signal;
  const pools = { copyPool: new WorkPool(() => 4), verifyPool: new WorkPool(() => 2) };
  const order: string[] = [];
  const step = async (what: string): Promise<void> => {
    await new Promise((resolve) => setImmediate(resolve));
    order.push(what);
  };
  const verify = inVerifyPool(pools, Array<string>(100).fill('verify'), never, step);
  const cycle = inParallel(Array<string>(10).fill('cycle'), never, step, pools.copyPool);
  await Promise.all([verify, cycle]);
  expect(order.lastIndexOf('cycle')).toBeLessThan(30);
  expect(order.filter((what) => what === 'verify')).toHaveLength(100);
});
