import { twoMounts } from '../../../dev/bench/measurement';
import { makePaths, makeValue } from '../../../dev/shared/sample-secrets';

describe('twoMounts', () => {
  const [large, small] = twoMounts(5_000, 7);

  it('makes the requested number of secrets, all different, most of them in one mount', () => {
    expect([large.mount, large.paths.length]).toEqual(['apps/', 4_000]);
    expect([small.mount, small.paths.length]).toEqual(['infra/', 1_000]);
    for (const { paths } of [large, small]) expect(new Set(paths).size).toBe(paths.length);
  });

  it('makes the same secrets from the same seed, and others from another seed', () => {
    expect(twoMounts(5_000, 7)).toEqual([large, small]);
    expect(twoMounts(5_000, 8)[0].paths).not.toEqual(large.paths);
  });

  it('makes folders of different depth and width', () => {
    const depths = new Set(large.paths.map((path) => path.split('/').length - 1));
    expect([...depths].sort()).toEqual([0, 1, 2, 3, 4, 5, 6]);
    const widths = new Map<string, number>();
    for (const path of large.paths) {
      const folder = path.slice(0, path.lastIndexOf('/') + 1);
      widths.set(folder, (widths.get(folder) ?? 0) + 1);
    }
    const sorted = [...widths.values()].sort((a, b) => a - b);
    expect(sorted[0]).toBeLessThan(5);
    expect(sorted.at(-1)).toBeGreaterThan(60);
  });

  it('makes a secret in each mount, even if there are only two', () => {
    expect(twoMounts(2, 1).map(({ paths }) => paths.length)).toEqual([1, 1]);
  });
});

describe('makePaths', () => {
  it('makes no more folders than allowed, parents included', () => {
    const { paths } = makePaths({ mount: 'shared/', secrets: 3_000, folders: 200, seed: 1 });
    const folders = new Set<string>();
    for (const path of paths) {
      const parts = path.split('/').slice(0, -1);
      for (let depth = 0; depth <= parts.length; depth++) folders.add(parts.slice(0, depth).join('/'));
    }
    expect(folders.size).toBeLessThanOrEqual(200);
    expect(folders.size).toBeGreaterThan(150);
  });
});

describe('makeValue', () => {
  const sizes = Array.from(
    { length: 300 },
    (_, number) => JSON.stringify(makeValue(3, `s-${number}`)).length,
  );

  it('makes values of 0.2 to 8 KiB, more of them small than large', () => {
    expect(Math.min(...sizes)).toBeGreaterThanOrEqual(200);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(8 * 1024);
    expect(Math.max(...sizes)).toBeGreaterThan(6 * 1024);
    expect(sizes.filter((size) => size < 2 * 1024).length).toBeGreaterThan(150);
  });

  it('makes the same value from the same seed and path', () => {
    expect(makeValue(3, 's-1')).toEqual(makeValue(3, 's-1'));
    expect(makeValue(4, 's-1')).not.toEqual(makeValue(3, 's-1'));
    expect(makeValue(3, 's-2')).not.toEqual(makeValue(3, 's-1'));
  });
});
