import { forAllOf, inParallel } from '../../src/concurrency/in-parallel';
import { FairQueue } from '../../src/concurrency/fair-queue';
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

test('begins no more items at the same time than it may, and each of them once', async () => {
  let running = 0;
  let most = 0;
  const begun: number[] = [];
  const items = [...Array(20).keys()];
  const results = await inParallel(
    items,
    never,
    async (item) => {
      begun.push(item);
      running += 1;
      most = Math.max(most, running);
      for (let turn = 0; turn <= item % 4; turn++) await new Promise(setImmediate);
      running -= 1;
      return item;
    },
    3,
  );
  expect(most).toBe(3);
  expect(begun).toEqual(items);
  expect(results).toEqual(items);
});

test('bounds what waits also where nobody says how', async () => {
  let running = 0;
  let most = 0;
  await inParallel([...Array(2_000).keys()], never, async () => {
    running += 1;
    most = Math.max(most, running);
    await Promise.resolve();
    running -= 1;
  });
  expect(most).toBe(64);
});

test('begins no item after a failure, nor after the signal of the caller', async () => {
  const begun: string[] = [];
  const failed = inParallel(
    ['runs', 'fails', 'not begun'],
    never,
    async (item, signal) => {
      begun.push(item);
      if (item === 'fails') throw new Error('first');
      await aborted(signal);
    },
    2,
  );
  await expect(failed).rejects.toThrow('first');
  expect(begun).toEqual(['runs', 'fails']);

  const stop = new AbortController();
  const stopped = inParallel(
    ['runs', 'not begun'],
    stop.signal,
    async (item) => {
      begun.push(item);
      stop.abort(new Error('by the caller'));
      await Promise.resolve();
    },
    1,
  );
  await expect(stopped).rejects.toThrow('by the caller');
  expect(begun).toEqual(['runs', 'fails', 'runs']);
});

test('does what was found on the way, and ends when nothing is left', async () => {
  const folders = new FairQueue<number>();
  folders.push('', 1);
  const seen: number[] = [];
  await forAllOf(
    folders,
    never,
    async (folder) => {
      seen.push(folder);
      await new Promise(setImmediate);
      for (const found of [2 * folder, 2 * folder + 1]) if (found < 16) folders.push('', found);
    },
    4,
  );
  expect(seen.sort((a, b) => a - b)).toEqual([...Array(15).keys()].map((n) => n + 1));
});
