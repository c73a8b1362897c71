import { endOf } from '../support/ended';
import { eventually } from '../support/eventually';
import { RunningSync } from '../support/running-sync';
import type { FileContent } from '../support/sync-fixture';

/** Mounts of the origin disappear or change places while they are read. */

const PATHS = ['a', 'team/b', 'team/c'];
let running: RunningSync;

afterEach(() => running.tearDown());

/** Does something just before the first matching request is answered. */
function before(request: RegExp, what: () => Promise<void>): void {
  let done: Promise<void> | undefined;
  running.proxies.originVault.choose(async (method, url) => {
    if (request.test(`${method} ${url}`)) await (done ??= what());
    return undefined;
  });
}

test.each([
  ['its folders are listed', /^LIST .*\/metadata\/team\/?$/],
  ['its metadata are read', /^GET .*\/metadata\/a$/],
])(
  'cycles delete nothing, and name the mount, when a mount of the origin is unmounted while %s',
  async (_when, request) => {
    running = await RunningSync.create({ secrets: PATHS });
    const { sync } = running;
    const prefix = sync.infoPrefix('origin');
    const published = await sync.consul.values(`${prefix}index`);
    before(request, () => sync.originVault.unmount(sync.mount));
    const missing = {
      outcome: 'failed',
      note: expect.stringMatching(
        new RegExp(
          `^MountMissing: \\w+: Vault http:\\S+: mount ${sync.mount} does not exist, .*; check origin\\.mounts`,
        ),
      ) as string,
    };
    expect(await endOf(sync.cycle('origin'))).toEqual(missing);
    expect(await endOf(sync.cycle('origin'))).toEqual(missing);
    expect(await endOf(sync.cycle('destination'))).toEqual(missing);
    expect(await sync.consul.values(`${prefix}index`)).toEqual(published);
    await running.expectFirstVersions(PATHS);
  },
);

test('cycles delete nothing, and name both mounts, when two mounts of the origin change places during the walk', async () => {
  let other = '';
  running = await RunningSync.create({
    secrets: PATHS,
    beforeFiles: async (fixture) => {
      other = `other-${fixture.id}/`;
      await fixture.originVault.mount(other);
      await fixture.destinationVaults[0]?.mount(other);
      await fixture.originVault.put(other, 'theirs', { path: 'theirs' });
    },
    edit: (file, role) => {
      const { origin, destination } = file as FileContent;
      for (const section of role === 'origin' ? [origin] : [origin, destination])
        section['mounts'] = [...(section['mounts'] as string[]), other];
    },
  });
  const { sync } = running;
  const [vault] = sync.destinationVaults;
  const swap = async (): Promise<void> => {
    await move(sync.mount, `aside-${sync.id}/`);
    await move(other, sync.mount);
    await move(`aside-${sync.id}/`, other);
  };
  const changed = [
    { path: sync.mount, class: 'mount-changed' },
    { path: other, class: 'mount-changed' },
  ];

  before(/^LIST .*\/metadata\/team\/?$/, swap);
  const met = await sync.cycle('origin');
  expect(met).toMatchObject({ outcome: 'partial' });
  expect(met.failures).toEqual(expect.arrayContaining(changed));
  for (let round = 0; round < 2; round++) {
    const { failures, counts } = await sync.cycle('destination');
    expect(failures).toEqual(expect.arrayContaining(changed));
    expect(counts.deleted).toBe(0);
    await sync.cycle('origin');
  }
  await running.expectFirstVersions(PATHS);
  expect(await vault?.get(other, 'theirs')).toEqual({ path: 'theirs' });

  // Once the mounts are back, nothing remains of it.
  await swap();
  expect((await sync.cycle('origin')).failures).toEqual([]);
});

/** Moves a mount, as `vault secrets move` does. */
async function move(from: string, to: string): Promise<void> {
  const { originVault } = running.sync;
  type Moving = { data: { migration_id: string } };
  type Status = { data: { migration_info: { status: string } } };
  const { data } = (await originVault.request('POST', 'sys/remount', { from, to })) as Moving;
  await eventually(async () => {
    const answer = (await originVault.request('GET', `sys/remount/status/${data.migration_id}`)) as Status;
    expect(answer.data.migration_info.status).toBe('success');
  }, `the move of ${from}`);
}
