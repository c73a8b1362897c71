import type { CycleReport, WithDispatchWidth } from '../../src/contract/cycle';
import { Cycle, dispatch } from '../../src/workflows/cycle';

/** Work that runs until the test ends it. */
function heldWork() {
  const begun: number[] = [];
  const ends = new Map<number, (result: WithDispatchWidth | Error) => void>();
  return {
    begun,
    work: (item: number): Promise<WithDispatchWidth> => {
      begun.push(item);
      return new Promise((resolve, reject) => {
        ends.set(item, (result) => {
          if (result instanceof Error) reject(result);
          else resolve(result);
        });
      });
    },
    end: async (item: number, result: WithDispatchWidth | Error = {}): Promise<void> => {
      ends.get(item)?.(result);
      await new Promise(setImmediate);
    },
  };
}

const items = [...Array(8).keys()];

test('dispatch keeps at most its width in flight, and raises it when a result names a larger one', async () => {
  const { begun, work, end } = heldWork();
  const all = dispatch(items, 2, work);
  expect(begun).toEqual([0, 1]);
  await end(1);
  expect(begun).toEqual([0, 1, 2]);
  await end(0, { dispatchWidth: 4 });
  expect(begun).toEqual([0, 1, 2, 3, 4, 5]);
  await end(5, { dispatchWidth: 1 });
  expect(begun).toEqual([0, 1, 2, 3, 4, 5, 6]);
  for (const item of [2, 3, 4, 6]) await end(item);
  expect(begun).toEqual(items);
  let isOver = false;
  void all.then(() => {
    isOver = true;
  });
  await new Promise(setImmediate);
  expect(isOver).toBe(false);
  await end(7);
  await all;
});

test('dispatch begins nothing after a failure, also with a larger width, and waits for running work', async () => {
  const { begun, work, end } = heldWork();
  let isOver = false;
  const all = dispatch(items, 3, work)
    .finally(() => {
      isOver = true;
    })
    .catch((error: unknown) => error);
  const first = new Error('first');
  await end(0, first);
  await end(2, { dispatchWidth: 8 });
  expect(begun).toEqual([0, 1, 2]);
  expect(isOver).toBe(false);
  await end(1, new Error('second'));
  expect(await all).toBe(first);
});

test('dispatch of no items resolves', async () => {
  await expect(dispatch([], 3, () => Promise.reject(new Error('x')))).resolves.toBeUndefined();
});

test('dispatch fails on a width that is missing, as in the answer of another version, and begins nothing', async () => {
  const { begun, work } = heldWork();
  await expect(dispatch(items, undefined as unknown as number, work)).rejects.toMatchObject({
    type: 'ConfigChanged',
    message: expect.stringContaining('stop the workers of the older version') as string,
  });
  expect(begun).toEqual([]);
});

test.each([
  ['a count that is missing', { held: undefined }],
  ['a count that this version does not have', { retained: 1 }],
])('Cycle.add fails on %s, as in the answer of another version', (_what, counts) => {
  const cycle = new Cycle({ name: 'main' });
  const report = { counts, failures: [] } as unknown as CycleReport;
  expect(() => {
    cycle.add(report);
  }).toThrow(expect.objectContaining({ type: 'ConfigChanged' }) as Error);
  expect(Object.values(cycle.counts).every((count) => count === 0)).toBe(true);
});
