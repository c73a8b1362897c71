import { sharedQueue } from '../../src/contract/cycle';
import { taskQueue } from '../../src/contract/ids';
import { SyncFixture } from '../support/sync-fixture';

/** Unusual contents that files of the original may have: any text as a name, a mount twice, paths with odd slashes. */

test('a sync name of any text makes ids that Temporal accepts: schedule, watch, queues, verify', async () => {
  const names: string[] = [];
  const sync = await SyncFixture.create({
    edit: (file, role) => {
      file['name'] = ` Zürich/östlich:shared "${role}", 100% ${'鍵'.repeat(70)} `;
      names.push(file['name'] as string);
    },
  });
  try {
    await sync.work();
    await sync.start('origin');
    await sync.start('destination');
    await sync.originVault.put(sync.mount, 'a', { value: 1 });
    await sync.cycle('origin');
    await sync.cycle('destination');
    expect(await sync.destinationVaults[0]?.get(sync.mount, 'a')).toEqual({ value: 1 });
    expect(await sync.status('destination')).toMatchObject({ name: names[1] });
    expect((await sync.verify()).counts).toMatchObject({ equal: 1 });
    const [cycle] = (await sync.schedule('destination').describe()).info.recentActions;
    expect(cycle?.action.workflow.workflowId).toMatch(
      /^vsync-destination-%20Z%C3%BCrich%2F%C3%B6stlich%3Ashared[\w.%~:-]+$/,
    );
    expect(sharedQueue(taskQueue('destination', names[1] ?? '')).length).toBeLessThanOrEqual(255);
  } finally {
    await sync.tearDown();
  }
});

test.each([
  ['a slash at both ends', (mount: string) => `/${mount}data/to/rest/`],
  ['a "./", a "//" and a ".."', (mount: string) => `./${mount}/x/../data/./to//rest`],
])('plan shows what the cycle does for a transform to a path with %s', async (_what, to) => {
  const sync = await SyncFixture.create({
    edit: (file, role) => {
      const section = file[role] as { mounts: [string]; transforms?: unknown };
      const [mount] = section.mounts;
      // The transform has no name, and the mount is given twice.
      if (role === 'destination')
        section.transforms = [{ from: `^${mount}data/from/(?P<rest>.+)$`, to: to(mount) }];
      file[role] = { ...section, mounts: [mount, mount] };
    },
  });
  try {
    await sync.run();
    await sync.originVault.put(sync.mount, 'from/a/b', { value: 1 });
    await sync.cycle('origin');
    expect((await sync.plan()).planned).toMatchObject([
      { action: 'add', path: `${sync.mount}data/from/a/b`, to: `${sync.mount}data/to/a/b` },
    ]);
    expect(await sync.cycle('destination')).toMatchObject({
      outcome: 'synced',
      counts: { added: 1 },
      failures: [],
    });
    expect(await sync.destinationVaults[0]?.get(sync.mount, 'to/a/b')).toEqual({ value: 1 });
    expect(await sync.cycle('destination')).toMatchObject({ outcome: 'unchanged' });
  } finally {
    await sync.tearDown();
  }
});
