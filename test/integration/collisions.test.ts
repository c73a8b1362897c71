import { bucketId } from '../../src/rules/bucket';
import { SyncFixture, type FixtureOptions } from '../support/sync-fixture';

/** What a destination does not copy: two secrets with one target, a loop in one Vault, excluded secrets. */

async function prepared(
  options: (mount: string) => Partial<FixtureOptions['destination'] & object>,
  paths: readonly string[],
  { loopback = false } = {},
): Promise<SyncFixture> {
  let mount = '';
  const sync = await SyncFixture.create({
    beforeFiles: (fixture) => {
      mount = fixture.mount;
      return Promise.resolve();
    },
    edit: (file, role) => {
      if (role !== 'destination') return;
      const destination = file['destination'] as Record<string, unknown>;
      Object.assign(destination, options(mount));
      if (loopback) destination['vault'] = (file['origin'] as Record<string, unknown>)['vault'];
    },
  });
  for (const path of paths) await sync.originVault.put(sync.mount, path, { path });
  await sync.run();
  await sync.cycle('origin');
  return sync;
}

describe('with two secrets of the origin that have one target,', () => {
  test('destination cycle names both before it writes anything, and copies neither until one is gone', async () => {
    const sync = await prepared(
      (mount) => ({
        transforms: [{ name: 'flat', from: `^${mount}data/[ab]/(?P<name>.+)$`, to: `${mount}data/name` }],
      }),
      ['a/x', 'b/x', 'b/y'],
    );
    try {
      const data = (path: string): string => `${sync.mount}data/${path}`;
      const both = [
        { path: data('a/x'), class: 'collision', with: data('b/x') },
        { path: data('b/x'), class: 'collision', with: data('a/x') },
      ];
      const result = await sync.cycle('destination');
      expect(result).toMatchObject({ outcome: 'partial', counts: { failed: 2, added: 0 } });
      expect(result.failures).toEqual(expect.arrayContaining(both));
      const [vault] = sync.destinationVaults;
      expect(await vault?.version(sync.mount, 'x')).toBe(0);
      expect(await vault?.get(sync.mount, 'y')).toEqual({ path: 'b/y' });
      expect((await sync.plan()).planned).toEqual([
        expect.objectContaining({ action: 'refuse', path: data('a/x'), to: data('x') }) as unknown,
        expect.objectContaining({ action: 'refuse', path: data('b/x'), to: data('x') }) as unknown,
      ]);

      await sync.originVault.delete(sync.mount, 'a/x');
      await sync.cycle('origin');
      expect(await sync.cycle('destination')).toMatchObject({ outcome: 'synced', counts: { added: 1 } });
      expect(await vault?.get(sync.mount, 'x')).toEqual({ path: 'b/x' });
      // A secret that comes back does not replace the other one.
      await sync.originVault.put(sync.mount, 'a/x', { path: 'back' });
      await sync.cycle('origin');
      expect(await sync.cycle('destination')).toMatchObject({ outcome: 'partial', counts: { failed: 1 } });
      expect(await vault?.get(sync.mount, 'x')).toEqual({ path: 'b/x' });
      expect(await vault?.version(sync.mount, 'x')).toBe(1);
    } finally {
      await sync.tearDown();
    }
  });

  test('destination cycle keeps the copy of a third, deleted secret at their target until only one of the two is left', async () => {
    const sync = await prepared(
      (mount) => ({
        transforms: [{ name: 'flat', from: `^${mount}data/[abc]/(?P<name>.+)$`, to: `${mount}data/name` }],
      }),
      ['a/x', 'a/y', 'z1', 'z2', 'z3', 'z4'],
    );
    const [vault] = sync.destinationVaults;
    const at = async (path: string): Promise<[unknown, number | undefined]> => [
      await vault?.get(sync.mount, path),
      await vault?.version(sync.mount, path),
    ];
    const cycles = async (): ReturnType<SyncFixture['cycle']> => {
      await sync.cycle('origin');
      return sync.cycle('destination');
    };
    try {
      await sync.cycle('destination');
      for (const path of ['b/x', 'c/x', 'b/y', 'c/y']) await sync.originVault.put(sync.mount, path, { path });
      for (const path of ['a/x', 'a/y']) await sync.originVault.delete(sync.mount, path);
      for (let round = 0; round < 2; round++) {
        expect(await cycles()).toMatchObject({
          outcome: 'partial',
          counts: { failed: 4, held: 2, added: 0, updated: 0, deleted: 0 },
        });
        expect(await at('x')).toEqual([{ path: 'a/x' }, 1]);
      }
      expect((await sync.plan()).planned.filter(({ action }) => action === 'hold')).toEqual(
        ['a/x', 'a/y'].map(
          (path) => expect.objectContaining({ path: `${sync.mount}data/${path}` }) as unknown,
        ),
      );
      for (const path of ['b/x', 'b/y', 'c/y']) await sync.originVault.delete(sync.mount, path);
      expect(await cycles()).toMatchObject({ outcome: 'synced', counts: { updated: 1, deleted: 1 } });
      expect(await at('x')).toEqual([{ path: 'c/x' }, 2]);
      expect(await at('y')).toEqual([undefined, 1]);
    } finally {
      await sync.tearDown();
    }
  });

  test('destination cycle deletes nothing while a bucket of the origin is torn, because a secret in it may belong there', async () => {
    const others = Array.from({ length: 12 }, (_, number) => `b/${number}`);
    const sync = await prepared(
      (mount) => ({
        transforms: [{ name: 'flat', from: `^${mount}data/[ab]/(?P<name>.+)$`, to: `${mount}data/name` }],
      }),
      ['a/gone', ...others],
    );
    const [vault] = sync.destinationVaults;
    const bucketOf = (path: string): number => bucketId(`${sync.mount}data/${path}`, 4);
    try {
      await sync.cycle('destination');
      const changed = others.find((path) => bucketOf(path) !== bucketOf('a/gone')) ?? '';
      await sync.originVault.put(sync.mount, changed, { changed: true });
      await sync.originVault.delete(sync.mount, 'a/gone');
      await sync.cycle('origin');
      await sync.consul.put(`${sync.infoPrefix('origin')}${bucketOf(changed)}`, '{}');
      expect(await sync.cycle('destination')).toMatchObject({
        outcome: 'partial',
        counts: { deleted: 0, unknown: 1 },
      });
      expect(await vault?.get(sync.mount, 'gone')).toEqual({ path: 'a/gone' });

      // The origin repairs its bucket.
      await sync.cycle('origin');
      expect(await sync.cycle('destination')).toMatchObject({
        outcome: 'synced',
        counts: { deleted: 1, updated: 1 },
      });
    } finally {
      await sync.tearDown();
    }
  });
});

describe('with origin and destination in one Vault,', () => {
  const copyInto = (folder: string) => (mount: string) => ({
    transforms: [
      { name: 'copy', from: `^${mount}data/app/(?P<name>.+)$`, to: `${mount}data/${folder}/name` },
    ],
  });

  test('destination cycle refuses a loop that would copy its own copies, and copies once they are excluded', async () => {
    const sync = await prepared(copyInto('copy'), ['app/a', 'other', 'other2', 'other3'], { loopback: true });
    try {
      const result = await sync.cycle('destination');
      expect(result).toMatchObject({ outcome: 'partial', counts: { failed: 1, added: 0, updated: 0 } });
      expect(result.failures).toEqual([
        { path: `${sync.mount}data/app/a`, class: 'loop', with: `${sync.mount}data/copy/a` },
      ]);
      expect(await sync.originVault.version(sync.mount, 'copy/a')).toBe(0);

      await sync.reconfigure('destination', ({ destination }) => {
        destination['exclude'] = [`${sync.mount}copy/**`];
      });
      await sync.cycle('destination');
      expect(await sync.originVault.get(sync.mount, 'copy/a')).toEqual({ path: 'app/a' });
      for (let round = 0; round < 3; round++) {
        await sync.cycle('origin');
        await sync.cycle('destination');
      }
      expect(await sync.originVault.version(sync.mount, 'copy/a')).toBe(1);
      expect(await sync.originVault.version(sync.mount, 'copy/copy/a')).toBe(0);
      // A secret that no transform moves keeps its place and its only version.
      expect(await sync.originVault.version(sync.mount, 'other')).toBe(1);

      await sync.originVault.put(sync.mount, 'app/a', { path: 'changed' });
      await sync.originVault.put(sync.mount, 'app/b', { path: 'app/b' });
      await sync.cycle('origin');
      await sync.cycle('destination');
      expect(await sync.originVault.get(sync.mount, 'copy/a')).toEqual({ path: 'changed' });
      await sync.originVault.delete(sync.mount, 'app/a');
      await sync.originVault.delete(sync.mount, 'other');
      await sync.cycle('origin');
      expect(await sync.cycle('destination')).toMatchObject({ counts: { deleted: 1 } });
      expect(await sync.originVault.get(sync.mount, 'copy/a')).toBeUndefined();
    } finally {
      await sync.tearDown();
    }
  });
});

describe('with filters,', () => {
  test('destination cycle copies only included secrets, and keeps those that are excluded later', async () => {
    const sync = await prepared(
      (mount) => ({ include: [`${mount}in/**`], exclude: [`${mount}in/not/**`] }),
      ['in/a', 'in/b', 'in/not/c', 'out/d'],
    );
    try {
      const [vault] = sync.destinationVaults;
      expect(await sync.cycle('destination')).toMatchObject({ counts: { failed: 0 } });
      for (const path of ['in/a', 'in/b']) expect(await vault?.get(sync.mount, path)).toEqual({ path });
      for (const path of ['in/not/c', 'out/d']) expect(await vault?.version(sync.mount, path)).toBe(0);
      expect((await sync.plan()).planned).toEqual([]);
      // The buckets differ for good: they are known differences, and not read again.
      expect(await sync.cycle('destination')).toMatchObject({ outcome: 'unchanged', counts: { read: 0 } });

      const exclude = (more: Record<string, unknown>): Promise<void> =>
        sync.reconfigure('destination', ({ destination }) => {
          Object.assign(destination, { exclude: [`${sync.mount}in/not/**`, `${sync.mount}in/b`] }, more);
        });
      await exclude({});
      expect(await sync.cycle('destination')).toMatchObject({ outcome: 'unchanged', counts: { held: 1 } });
      await sync.originVault.put(sync.mount, 'in/b', { path: 'changed' });
      await sync.cycle('origin');
      expect(await sync.cycle('destination')).toMatchObject({
        outcome: 'unchanged',
        counts: { held: 1, deleted: 0 },
      });
      expect(await vault?.get(sync.mount, 'in/b')).toEqual({ path: 'in/b' });
      // It is counted without being read.
      expect(await sync.cycle('destination')).toMatchObject({ outcome: 'unchanged', counts: { held: 1 } });

      await exclude({ deleteExcluded: true });
      // A changed configuration needs an approval, also without a change at the origin.
      expect(await sync.cycle('destination')).toMatchObject({ outcome: 'held', counts: { held: 1 } });
      expect(await vault?.get(sync.mount, 'in/b')).toEqual({ path: 'in/b' });
      await sync.approve();
      expect(await sync.cycle('destination')).toMatchObject({ outcome: 'synced', counts: { deleted: 1 } });
      expect(await vault?.get(sync.mount, 'in/b')).toBeUndefined();
      expect(await vault?.get(sync.mount, 'in/a')).toEqual({ path: 'in/a' });
    } finally {
      await sync.tearDown();
    }
  });

  test('destination cycle keeps an excluded secret that the origin still serves, also when the origin’s info lacks it', async () => {
    const sync = await prepared(() => ({}), ['a', 'b', 'c']);
    try {
      const [vault] = sync.destinationVaults;
      await sync.cycle('destination');
      await sync.reconfigure('destination', ({ destination }) => {
        destination['exclude'] = [`${sync.mount}a`];
      });
      await sync.reconfigure('origin', ({ origin }) => {
        origin['exclude'] = [`${sync.mount}a`];
      });
      await sync.cycle('origin');
      expect(await sync.cycle('destination')).toMatchObject({ counts: { deleted: 0, held: 1 } });
      expect(await vault?.get(sync.mount, 'a')).toEqual({ path: 'a' });
    } finally {
      await sync.tearDown();
    }
  });

  test('destination cycle deletes an excluded secret only with deleteExcluded, also when the origin deletes it', async () => {
    const sync = await prepared(() => ({}), ['a', 'b', 'c', 'd']);
    try {
      const [vault] = sync.destinationVaults;
      await sync.cycle('destination');
      const setKeys = (keys: Record<string, unknown>): Promise<void> =>
        sync.reconfigure('destination', ({ destination }) => {
          Object.assign(destination, keys);
        });
      await setKeys({ exclude: [`${sync.mount}a`, `${sync.mount}b`] });
      await sync.originVault.delete(sync.mount, 'a');
      await sync.cycle('origin');
      expect(await sync.cycle('destination')).toMatchObject({ counts: { deleted: 0, held: 2 } });
      expect(await vault?.get(sync.mount, 'a')).toEqual({ path: 'a' });

      await setKeys({ deleteExcluded: true });
      expect((await sync.plan()).held).toMatchObject({ count: 2 });
      expect(await sync.cycle('destination')).toMatchObject({
        outcome: 'held',
        counts: { held: 2, deleted: 0 },
      });
      await sync.approve();
      expect(await sync.cycle('destination')).toMatchObject({ outcome: 'synced', counts: { deleted: 2 } });
      for (const path of ['a', 'b']) expect(await vault?.get(sync.mount, path)).toBeUndefined();
      for (const path of ['c', 'd']) expect(await vault?.get(sync.mount, path)).toEqual({ path });
      expect(await sync.cycle('destination')).toMatchObject({ outcome: 'unchanged', counts: { held: 0 } });
    } finally {
      await sync.tearDown();
    }
  });
});
