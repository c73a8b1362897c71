import type { Planned } from '../../src/activities/destination/plan/plan';
import { formatPlan } from '../../src/cli/plan';
import type { CycleResult } from '../../src/contract/cycle';
import { SyncFixture } from '../support/sync-fixture';
import { runVsync, type Ended } from '../../dev/shared/vsync-command';

const short = (planned: readonly Planned[], sync: SyncFixture): string[] =>
  planned.map(({ action, path }) => `${action} ${path.replace(`${sync.mount}data/`, '')}`);

describe('vsync plan', () => {
  test('lists what the next cycle does, changes nothing, and is empty afterwards', async () => {
    const sync = await SyncFixture.create({ transforms: [] });
    try {
      await sync.run();
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
      // `d` comes back after the origin's info was written.
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
      // `d` is asked about again until the origin publishes it.
      expect(short((await sync.plan()).planned, sync)).toEqual(['hold d']);
      await sync.cycle('origin');
      await sync.cycle('destination');
      expect((await sync.plan()).planned).toEqual([]);
    } finally {
      await sync.tearDown();
    }
  });
});

describe('a changed transform', () => {
  let sync: SyncFixture;

  beforeAll(async () => {
    sync = await SyncFixture.create();
    await sync.run();
    for (const path of ['x/a', 'x/b', 'y/c']) await sync.originVault.put(sync.mount, path, { path });
    await sync.cycle('origin');
    await sync.cycle('destination');
  });

  afterAll(() => sync.tearDown());

  const at = (path: string): Promise<unknown> =>
    sync.destinationVaults[0]?.get(sync.mount, path) ?? Promise.resolve();

  test('leaves orphans, which vsync plan lists and which stay until they are approved', async () => {
    await sync.reconfigure('destination', ({ destination }) => {
      destination.transforms = [
        { name: 'z', from: `^${sync.mount}data/x/(?P<name>.+)$`, to: `${sync.mount}data/z/name` },
      ];
    });
    expect(await at('z/a')).toEqual({ path: 'x/a' });
    expect(await at('x/a')).toEqual({ path: 'x/a' });
    // A secret that did not move gets no new version.
    expect(await sync.destinationVaults[0]?.version(sync.mount, 'y/c')).toBe(1);
    expect(await sync.cycle('destination')).toMatchObject({ outcome: 'unchanged', counts: { deleted: 0 } });

    const { planned, orphans } = await sync.plan();
    expect(planned).toEqual([]);
    expect(orphans.map(({ at: target, of }) => [target, of])).toEqual(
      ['x/a', 'x/b'].map((path) => [`${sync.mount}data/${path}`, `${sync.mount}data/${path}`]),
    );
  });

  test('has its approved orphans deleted softly, except at places that another secret uses', async () => {
    // A new secret takes the place of one orphan.
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

  test('leaves orphans at its own places once removed, and vsync prune deletes all but one written since', async () => {
    await sync.reconfigure('destination', ({ destination }) => {
      destination.transforms = [];
    });
    await sync.cycle('destination');
    for (const path of ['x/a', 'x/b', 'w/b', 'y/c']) expect(await at(path)).toEqual({ path });
    expect((await sync.plan()).orphans.map(({ at: target }) => target)).toEqual(
      ['z/a', 'z/b'].map((path) => `${sync.mount}data/${path}`),
    );
    // Another user has written there since, so vsync must not delete it.
    await sync.destinationVaults[0]?.put(sync.mount, 'z/b', { owner: 'somebody else' });
    const plan = await sync.plan();
    const hash = plan.orphansHash ?? '';
    expect(formatPlan(plan)).toContain(`until: vsync prune --orphans --set ${hash.slice(0, 12)} -c FILE`);
    const run = (...args: string[]): Promise<Ended> =>
      runVsync([...args, '-c', sync.destinationFiles[0] ?? ''], { home: sync.folder });
    const before = await sync.consul.values(sync.infoPrefix('destination'));
    for (const [args, code, message] of [
      [['plan', '--apply-orphans'], 2, 'run "vsync prune --orphans --set HASH -c FILE"'],
      [['prune', '--set', hash], 2, "required option '--orphans' not specified"],
      [['prune', '--orphans'], 2, 'this is not a terminal: name the set with --set HASH'],
      [['prune', '--orphans', '--set', hash.slice(0, 11)], 2, 'It must be at least 12 hex digits'],
      [['prune', '--orphans', '--set', 'f'.repeat(12)], 1, 'the list of orphans has changed: 2 now'],
    ] as const) {
      const refused = await run(...args);
      expect(refused).toMatchObject({ code, stdout: '' });
      expect(refused.stderr).toContain(message);
    }
    expect(await sync.consul.values(sync.infoPrefix('destination'))).toEqual(before);

    const pruned = await run('prune', '--orphans', '--set', hash.slice(0, 12));
    expect(pruned).toMatchObject({ code: 0, stderr: '' });
    expect(pruned.stdout).toContain('approved: 2 orphans, to be soft-deleted');
    await sync.idle('destination');
    const result = (await (await sync.lastCycle('destination')).result()) as CycleResult;
    expect(result).toMatchObject({ outcome: 'partial', counts: { deleted: 1, failed: 1 } });
    expect(result.failures).toEqual([{ path: `${sync.mount}data/z/b`, class: 'written-since' }]);
    for (const path of ['x/a', 'x/b', 'w/b', 'y/c']) expect(await at(path)).toEqual({ path });
    expect(await at('z/b')).toEqual({ owner: 'somebody else' });
  });
});
