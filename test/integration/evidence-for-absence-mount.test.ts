import { RunningSync } from '../support/running-sync';

/** Invariant 2 for a whole mount: a re-created mount answers exactly like one whose secrets were all deleted. */

const PATHS = ['a', 'team/b', 'team/c'];
let running: RunningSync;

afterEach(() => running.tearDown());

/** Re-creates the origin's mount, empty, just before the first of these requests is answered. */
function recreateAt(isIt: (method: string, url: string) => boolean): void {
  const { sync, proxies } = running;
  let done = false;
  proxies.originVault.choose(async (method, url) => {
    if (done || !isIt(method, url)) return undefined;
    done = true;
    await sync.originVault.unmount(sync.mount);
    await sync.originVault.mount(sync.mount);
    return undefined;
  });
}

const LISTED_AGAIN = { outcome: 'partial', counts: { unknown: 1, listed: 0 } };
const NOT_PUBLISHED = {
  cause: {
    type: 'MountChanged',
    message: expect.stringMatching(
      /mount kv-.* was re-created while it was being read; nothing is published$/,
    ) as unknown,
  },
};

test.each<[when: string, isIt: (method: string, url: string) => boolean, ends: object]>([
  [
    'its first folder is listed',
    (method, url) => method === 'LIST' && /\/metadata\/?$/.test(url),
    LISTED_AGAIN,
  ],
  [
    'a folder below is listed',
    (method, url) => method === 'LIST' && /\/metadata\/team\/?$/.test(url),
    LISTED_AGAIN,
  ],
  ['its metadata are read', (method, url) => method === 'GET' && url.endsWith('/metadata/a'), NOT_PUBLISHED],
])(
  'cycles delete nothing for a mount of the origin that is re-created while %s, and name it',
  async (_when, isIt, ends) => {
    running = await RunningSync.create({ secrets: PATHS });
    const { sync } = running;
    recreateAt(isIt);
    expect(await sync.cycle('origin').catch((error: unknown) => error)).toMatchObject(ends);
    // The origin remembers the previous mount, so no later cycle takes the new one for "all deleted".
    const next = await sync.cycle('origin');
    expect(next).toMatchObject(LISTED_AGAIN);
    expect(next.failures).toEqual([{ path: sync.mount, class: 'mount-changed' }]);
    await sync.cycle('destination');
    await running.expectFirstVersions(PATHS);
  },
);

test('destination cycle keeps a secret if the mount of the origin is re-created just before the last question about its delete', async () => {
  running = await RunningSync.create({ secrets: [...PATHS, 'gone'] });
  const { sync } = running;
  await sync.originVault.delete(sync.mount, 'gone');
  await sync.cycle('origin');
  let questions = 0;
  recreateAt((method, url) => method === 'GET' && url.endsWith('/metadata/gone') && ++questions === 2);
  const met = await sync.cycle('destination');
  expect(met).toMatchObject({ outcome: 'partial', counts: { deleted: 0, unknown: 1 } });
  expect(met.failures).toEqual([{ path: running.data('gone'), class: 'mount-changed' }]);
  await running.expectFirstVersions([...PATHS, 'gone']);
});
