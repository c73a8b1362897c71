import { forEachBounded } from '../../src/workflows/bounded';

/** Work that goes on until it is told to end. */
function heldWork() {
  const begun: number[] = [];
  const ends = new Map<number, (error?: Error) => void>();
  return {
    begun,
    work: (item: number): Promise<void> => {
      begun.push(item);
      return new Promise((resolve, reject) => {
        ends.set(item, (error) => {
          if (error === undefined) resolve();
          else reject(error);
        });
      });
    },
    end: async (item: number, error?: Error): Promise<void> => {
      ends.get(item)?.(error);
      await new Promise(setImmediate);
    },
  };
}

const items = [...Array(8).keys()];

test('works on so many at the same time, and on more from the next end on when the bound has risen', async () => {
  const bound = { most: 2 };
  const { begun, work, end } = heldWork();
  const all = forEachBounded(items, bound, work);
  expect(begun).toEqual([0, 1]);
  await end(1);
  expect(begun).toEqual([0, 1, 2]);
  bound.most = 4;
  await end(0);
  expect(begun).toEqual([0, 1, 2, 3, 4, 5]);
  for (const item of [5, 2, 3, 4]) await end(item);
  expect(begun).toEqual(items);
  let isOver = false;
  void all.then(() => {
    isOver = true;
  });
  await end(6);
  expect(isOver).toBe(false);
  await end(7);
  await all;
});

test('after a failure begins no more, also when the bound has risen, and waits for what is running', async () => {
  const bound = { most: 2 };
  const { begun, work, end } = heldWork();
  let isOver = false;
  const all = forEachBounded(items, bound, work)
    .finally(() => {
      isOver = true;
    })
    .catch((error: unknown) => error);
  bound.most = 8;
  const first = new Error('first');
  await end(0, first);
  expect(begun).toEqual([0, 1]);
  expect(isOver).toBe(false);
  await end(1, new Error('second'));
  expect(await all).toBe(first);
});

test('nothing to do is done', async () => {
  await expect(
    forEachBounded([], { most: 3 }, () => Promise.reject(new Error('x'))),
  ).resolves.toBeUndefined();
});
