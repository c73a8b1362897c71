import { inParallel } from '../../src/concurrency/in-parallel';
import { Room } from '../../src/concurrency/work-pool';

const never = new AbortController().signal;

/** Work that ends when it is told to, and who has begun it. */
function heldWork() {
  const begun: string[] = [];
  const ends: (() => void)[] = [];
  return {
    begun,
    work: (item: string): Promise<void> => {
      begun.push(item);
      return new Promise((end) => ends.push(end));
    },
    /** Ends the oldest that goes on. */
    endOne: async (): Promise<void> => {
      ends.shift()?.();
      await new Promise(setImmediate);
    },
  };
}

const items = (call: string, count: number): string[] => [...Array(count).keys()].map((n) => `${call}${n}`);

test('begins what the oldest call has first, and fills what is left with the next one', async () => {
  const room = new Room(() => 3);
  const { begun, work, endOne } = heldWork();
  let isFirstOver = false;
  const first = inParallel(items('a', 4), never, work, room).then(() => {
    isFirstOver = true;
  });
  const second = inParallel(items('b', 4), never, work, room);
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

test('a call that is aborted while it waits for room ends at once', async () => {
  const room = new Room(() => 1);
  const { begun, work, endOne } = heldWork();
  const first = inParallel(['a'], never, work, room);
  const stop = new AbortController();
  const second = inParallel(['b'], stop.signal, work, room);
  const alone = room.run(() => work('c'), stop.signal);
  stop.abort(new Error('by the caller'));
  await expect(second).rejects.toThrow('by the caller');
  await expect(alone).rejects.toThrow('by the caller');
  await endOne();
  await first;
  expect(begun).toEqual(['a']);
  // The room is as it was.
  const third = inParallel(['d'], never, work, room);
  expect(begun).toEqual(['a', 'd']);
  await endOne();
  await third;
});

test('has as much room as it is told each time, and says when something waits', async () => {
  let size = 1;
  let waits = 0;
  const room = new Room(
    () => size,
    () => {
      waits += 1;
    },
  );
  const { begun, work, endOne } = heldWork();
  const all = inParallel(items('a', 5), never, work, room);
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

test('one piece of work gives its result, or what it threw', async () => {
  const room = new Room(() => 1);
  await expect(room.run(() => Promise.resolve(7), never)).resolves.toBe(7);
  await expect(room.run(() => Promise.reject(new Error('of the work')), never)).rejects.toThrow(
    'of the work',
  );
});
