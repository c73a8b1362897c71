import { FairQueue, forAllOf, inParallel, WorkPool } from '../../src/concurrency/work-pool';
import { rejection } from '../support/exposed';

const never = new AbortController().signal;

/** Work that ends on request, and the items that have begun. */
function manualWork() {
  const begun: string[] = [];
  const ends: (() => void)[] = [];
  return {
    begun,
    work: (item: string): Promise<void> => {
      begun.push(item);
      return new Promise((end) => ends.push(end));
    },
    /** Ends the oldest item in progress. */
    endOne: async (): Promise<void> => {
      ends.shift()?.();
      await new Promise(setImmediate);
    },
  };
}

const items = (call: string, count: number): string[] => [...Array(count).keys()].map((n) => `${call}${n}`);

test('WorkPool begins the items of the oldest call first, and fills free places from the next call', async () => {
  const pool = new WorkPool(() => 3);
  const { begun, work, endOne } = manualWork();
  let isFirstOver = false;
  const first = inParallel(items('a', 4), never, work, pool).then(() => {
    isFirstOver = true;
  });
  const second = inParallel(items('b', 4), never, work, pool);
  expect(begun).toEqual(['a0', 'a1', 'a2']);
  await endOne();
  await endOne();
  expect(begun).toEqual(['a0', 'a1', 'a2', 'a3', 'b0']);
  await endOne();
  await endOne();
  expect(isFirstOver).toBe(true);
  expect(begun.slice(5)).toEqual(['b1', 'b2']);
  for (let left = 0; left < 4; left++) await endOne();
  await Promise.all([first, second]);
});

test('WorkPool gives the next free places to urgent items, and never more than there are', async () => {
  const pool = new WorkPool(() => 2);
  const { begun, work, endOne } = manualWork();
  const ordinary = inParallel(items('a', 5), never, work, pool);
  const urgent = inParallel(items('u', 2), never, work, pool.urgent);
  expect(begun).toEqual(['a0', 'a1']);
  await endOne();
  await endOne();
  expect(begun.slice(2)).toEqual(['u0', 'u1']);
  expect(pool.inProgress).toBe(2);
  await endOne();
  expect(begun.slice(4)).toEqual(['a2']);
  for (let left = 0; left < 4; left++) await endOne();
  await Promise.all([ordinary, urgent]);
});

test('WorkPool ends an aborted call that waits for a place at once', async () => {
  const pool = new WorkPool(() => 1);
  const { begun, work, endOne } = manualWork();
  const first = inParallel(['a'], never, work, pool);
  const stop = new AbortController();
  const second = inParallel(['b'], stop.signal, work, pool);
  const alone = pool.run(() => work('c'), stop.signal);
  stop.abort(new Error('by the caller'));
  await expect(second).rejects.toThrow('by the caller');
  await expect(alone).rejects.toThrow('by the caller');
  await endOne();
  await first;
  expect(begun).toEqual(['a']);
  // The aborted calls took no place.
  const third = inParallel(['d'], never, work, pool);
  expect(begun).toEqual(['a', 'd']);
  await endOne();
  await third;
});

test('WorkPool reads its size each time, and reports when an item waits', async () => {
  let size = 1;
  let waits = 0;
  const pool = new WorkPool(
    () => size,
    () => {
      waits += 1;
    },
  );
  const { begun, work, endOne } = manualWork();
  const all = inParallel(items('a', 5), never, work, pool);
  expect([begun.length, waits]).toEqual([1, 1]);
  size = 3;
  await endOne();
  expect(begun).toHaveLength(4);
  size = 5;
  waits = 0;
  await endOne();
  expect([begun.length, waits]).toEqual([5, 0]);
  for (let left = 0; left < 3; left++) await endOne();
  await all;
});

test('WorkPool.run returns the result of one piece of work, or throws what it threw', async () => {
  const pool = new WorkPool(() => 1);
  await expect(pool.run(() => Promise.resolve(7), never)).resolves.toBe(7);
  await expect(pool.run(() => Promise.reject(new Error('of the work')), never)).rejects.toThrow(
    'of the work',
  );
});

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    signal.addEventListener('abort', () => {
      resolve();
    });
  });

test('inParallel returns the results in the order of the items', async () => {
  const results = await inParallel([3, 1, 2], never, async (item) => {
    for (let turn = 0; turn < item; turn++) await Promise.resolve();
    return item * 10;
  });
  expect(results).toEqual([30, 10, 20]);
  expect(await inParallel([], never, () => Promise.reject(new Error('not called')))).toEqual([]);
});

test('inParallel aborts and awaits the other items after the first failure, and throws that failure', async () => {
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

test("inParallel passes the caller's signal on", async () => {
  const stop = new AbortController();
  const work = inParallel([1, 2], stop.signal, async (_item, signal) => {
    await aborted(signal);
    signal.throwIfAborted();
  });
  stop.abort(new Error('by the caller'));
  await expect(work).rejects.toThrow('by the caller');
});

test("inParallel does not abort the caller's signal after a failure", async () => {
  const stop = new AbortController();
  await rejection(inParallel([1], stop.signal, () => Promise.reject(new Error('x'))));
  expect(stop.signal.aborted).toBe(false);
});

test('inParallel treats a rejection with undefined as a failure', async () => {
  // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- libraries do
  await expect(inParallel([1], never, () => Promise.reject(undefined))).rejects.toBeUndefined();
});

test('inParallel keeps its bound, and begins each item once', async () => {
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

test('inParallel bounds the items in progress by default', async () => {
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

test('inParallel begins no item after a failure or an abort', async () => {
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

test('forAllOf does items that others added, and ends when none are left', async () => {
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
