import { forAllFound } from '../../../dev/bench/floor';

describe('forAllFound', () => {
  it('works on each given and each found item once', async () => {
    const tree: Record<number, number[]> = { 0: [1, 2], 1: [3], 3: [4, 5] };
    const done: number[] = [];
    const count = await forAllFound([0], 3, async (item) => {
      await new Promise((resolve) => setImmediate(resolve));
      done.push(item);
      return tree[item] ?? [];
    });
    expect(count).toBe(6);
    expect(done.sort()).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('works on as many items at once as allowed, and never on more', async () => {
    let now = 0;
    let most = 0;
    await forAllFound([0], 4, async (item) => {
      most = Math.max(most, ++now);
      await new Promise((resolve) => setImmediate(resolve));
      now--;
      return item === 0 ? Array.from({ length: 20 }, (_, at) => at + 1) : [];
    });
    expect(most).toBe(4);
  });

  it('returns at once without items', async () => {
    expect(await forAllFound([], 4, () => Promise.reject(new Error('there is nothing')))).toBe(0);
  });

  it('fails with the first failure', async () => {
    const work = (item: number) => (item === 1 ? Promise.reject(new Error('refused')) : Promise.resolve([]));
    await expect(forAllFound([0, 1, 2], 2, work)).rejects.toThrow('refused');
  });
});
