import { inParallel } from '../../src/activities/in-parallel';
import { rejection } from '../support/exposed';

const never = new AbortController().signal;
const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    signal.addEventListener('abort', () => {
      resolve();
    });
  });

test('gives the results in the order of the items', async () => {
  const results = await inParallel([3, 1, 2], never, async (item) => {
    for (let turn = 0; turn < item; turn++) await Promise.resolve();
    return item * 10;
  });
  expect(results).toEqual([30, 10, 20]);
  expect(await inParallel([], never, () => Promise.reject(new Error('not called')))).toEqual([]);
});

test('after the first failure tells the rest to stop, waits for it, and throws the first', async () => {
  const first = new Error('first');
  let cleanedUp = 0;
  const error = await rejection(
    inParallel(['fails', 'waits', 'waits'], never, async (item, signal) => {
      if (item === 'fails') throw first;
      await aborted(signal);
      for (let turn = 0; turn < 100; turn++) await Promise.resolve();
      cleanedUp += 1;
      throw new Error('stopped');
    }),
  );
  expect(error).toBe(first);
  expect(cleanedUp).toBe(2);
});

test("passes the caller's signal on", async () => {
  const stop = new AbortController();
  const work = inParallel([1, 2], stop.signal, async (_item, signal) => {
    await aborted(signal);
    signal.throwIfAborted();
  });
  stop.abort(new Error('by the caller'));
  await expect(work).rejects.toThrow('by the caller');
});

test('a failure does not reach the signal of the caller', async () => {
  const stop = new AbortController();
  await rejection(inParallel([1], stop.signal, () => Promise.reject(new Error('x'))));
  expect(stop.signal.aborted).toBe(false);
});

test('a failure with undefined is a failure', async () => {
  // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- libraries do
  await expect(inParallel([1], never, () => Promise.reject(undefined))).rejects.toBeUndefined();
});
