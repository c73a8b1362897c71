import type { Planned } from '../../src/plan/plan';
import { SyncFixture } from '../support/sync-fixture';

const short = (planned: readonly Planned[], sync: SyncFixture): string[] =>
  planned.map(({ action, path }) => `${action} ${path.replace(`${sync.mount}data/`, '')}`);

describe('vsync plan', () => {
  test('says what the next cycle does, changes nothing, and is empty after it', async () => {
    const sync = await SyncFixture.create({ transforms: [] });
    try {
      await sync.work();
      await sync.start('origin');
      await sync.start('destination');
      await sync.stopWatch();
      const [vault] = sync.destinationVaults;
      expect((await sync.plan()).planned).toEqual([]);
      for (const path of ['a', 'b', 'c', 'd']) await sync.originVault.put(sync.mount, path, { path });
      await sync.cycle('origin');
      expect(short((await sync.plan()).planned, sync)).toEqual(['add a', 'add b', 'add c', 'add d']);
      await sync.cycle('destination');
      expect(await sync.plan()).toMatchObject({ planned: [], notes: [] });

      await sync.originVault.put(sync.mount, 'b', { path: 'b', changed: true });
      await sync.originVault.put(sync.mount, 'e', { path: 'e' });
      await sync.originVault.delete(sync.mount, 'c');
      await sync.originVault.delete(sync.mount, 'd');
      await sync.cycle('origin');
      // It came back after the origin's info was written.
      await sync.originVault.request('POST', `${sync.mount}undelete/d`, { versions: [1] });
      const before = await sync.consul.revisions(sync.syncPath);
      const plan = await sync.plan();
      expect(short(plan.planned, sync)).toEqual(['update b', 'delete c', 'hold d', 'add e']);
      expect(plan.planned.map(({ why }) => why)).toEqual([
        'it changed at the origin',
        'the origin says that it is gone',
        "the origin still serves it, although the origin's sync info lacks it",
        'the destination is not known to have it',
      ]);
      expect(await sync.consul.revisions(sync.syncPath)).toEqual(before);
      expect(await vault?.version(sync.mount, 'b')).toBe(1);
      expect(await vault?.get(sync.mount, 'c')).toEqual({ path: 'c' });

      expect(await sync.cycle('destination')).toMatchObject({
        counts: { added: 1, updated: 1, deleted: 1, held: 1 },
      });
      // What came back is asked about again until the origin has published it.
      expect(short((await sync.plan()).planned, sync)).toEqual(['hold d']);
      await sync.cycle('origin');
      await sync.cycle('destination');
      expect((await sync.plan()).planned).toEqual([]);
    } finally {
      await sync.tearDown();
    }
  });
});

describe('a transform that was changed', () => {
  let sync: SyncFixture;

  beforeAll(async () => {
    sync = await SyncFixture.create();
    await sync.work();
    await sync.start('origin');
    await sync.start('destination');
    await sync.stopWatch();
    for (const path of ['x/a', 'x/b', 'y/c']) await sync.originVault.put(sync.mount, path, { path });
    await sync.cycle('origin');
    await sync.cycle('destination');
  });

  afterAll(() => sync.tearDown());

  const at = (path: string): Promise<unknown> =>
    sync.destinationVaults[0]?.get(sync.mount, path) ?? Promise.resolve();

  test('leaves orphans, which the plan lists, and which stay until somebody says so', async () => {
    await sync.reconfigure('destination', ({ destination }) => {
      destination.transforms = [
        { name: 'z', from: `^${sync.mount}data/x/(?P<name>.+)$`, to: `${sync.mount}data/z/name` },
      ];
    });
    expect(await at('z/a')).toEqual({ path: 'x/a' });
    expect(await at('x/a')).toEqual({ path: 'x/a' });
    // What did not move was not even looked at.
    expect(await sync.destinationVaults[0]?.version(sync.mount, 'y/c')).toBe(1);
    expect(await sync.cycle('destination')).toMatchObject({ outcome: 'unchanged', counts: { deleted: 0 } });

    const { planned, orphans } = await sync.plan();
    expect(planned).toEqual([]);
    expect(orphans.map(({ at: target, of }) => [target, of])).toEqual(
      ['x/a', 'x/b'].map((path) => [`${sync.mount}data/${path}`, `${sync.mount}data/${path}`]),
    );
  });

  test('once they are approved, a cycle deletes them softly, but not what a secret of the origin needs', async () => {
    // A new secret takes the place of one of them.
    await sync.originVault.put(sync.mount, 'w/b', { path: 'w/b' });
    await sync.reconfigure('destination', ({ destination }) => {
      destination.transforms.push({
        name: 'w',
        from: `^${sync.mount}data/w/(?P<name>.+)$`,
        to: `${sync.mount}data/x/name`,
      });
    });
    await sync.cycle('origin');
    await sync.cycle('destination');
    expect(await at('x/b')).toEqual({ path: 'w/b' });
    expect((await sync.plan()).orphans.map(({ at: target }) => target)).toEqual([`${sync.mount}data/x/a`]);

    expect(await sync.approveOrphans()).toBe(1);
    expect(await sync.cycle('destination')).toMatchObject({ counts: { deleted: 1 } });
    expect(await at('x/a')).toBeUndefined();
    expect(await sync.destinationVaults[0]?.version(sync.mount, 'x/a')).toBe(1);
    expect(await at('x/b')).toEqual({ path: 'w/b' });
    expect(await sync.plan()).toMatchObject({ planned: [], orphans: [] });
    await expect(sync.approveOrphans()).rejects.toThrow('there are no orphans');
    expect(await sync.cycle('destination')).toMatchObject({ outcome: 'unchanged' });
  });

  test('taken back, it leaves only what its own places hold, and those that are used again are safe', async () => {
    await sync.reconfigure('destination', ({ destination }) => {
      destination.transforms = [];
    });
    await sync.cycle('destination');
    for (const path of ['x/a', 'x/b', 'w/b', 'y/c']) expect(await at(path)).toEqual({ path });
    expect((await sync.plan()).orphans.map(({ at: target }) => target)).toEqual(
      ['z/a', 'z/b'].map((path) => `${sync.mount}data/${path}`),
    );
    // Somebody else has written there since: that is not ours to delete.
    await sync.destinationVaults[0]?.put(sync.mount, 'z/b', { owner: 'somebody else' });
    await sync.approveOrphans();
    const result = await sync.cycle('destination');
    expect(result).toMatchObject({ outcome: 'partial', counts: { deleted: 1, failed: 1 } });
    expect(result.failures).toEqual([{ path: `${sync.mount}data/z/b`, class: 'written-since' }]);
    for (const path of ['x/a', 'x/b', 'w/b', 'y/c']) expect(await at(path)).toEqual({ path });
    expect(await at('z/b')).toEqual({ owner: 'somebody else' });
  });
});
