import { publishedBy } from '../support/published';
import { eventually } from '../support/eventually';
import type { Fault } from '../support/fault-proxy';
import { RunningSync, type RunningOptions } from '../support/running-sync';

/** Failures of the original vsync that come from answers it should not have trusted. */

let running: RunningSync;

afterEach(() => running.tearDown());

async function start(options: RunningOptions): Promise<RunningSync> {
  running = await RunningSync.create(options);
  return running;
}

const json = (status: number, ...errors: string[]): Fault => ({ status, body: JSON.stringify({ errors }) });

test('1. origin cycle keeps every path in its info when a metadata read or LIST fails, and destinations delete nothing', async () => {
  const kept = ['team/a', 'team/b', 'team/deep/c', 'solo', 'other'];
  const { sync, proxies } = await start({ secrets: [...kept, 'gone'] });
  await sync.originVault.delete(sync.mount, 'gone');
  const { insights: before } = await publishedBy(sync);

  proxies.originVault.choose((method, url) => {
    if (method === 'LIST' && /metadata\/team\/?$/.test(url)) return json(500, 'internal error');
    return method === 'GET' && url.endsWith('metadata/solo') ? json(503, 'Vault is sealed') : undefined;
  });
  const origin = await sync.cycle('origin');
  expect(origin).toMatchObject({ outcome: 'partial', counts: { unknown: 2 } });
  expect(origin.failures).toEqual([
    { path: `${sync.mount}team/`, class: 'unavailable' },
    { path: running.data('solo'), class: 'sealed' },
  ]);
  const { insights } = await publishedBy(sync);
  expect(insights).toEqual(Object.fromEntries(Object.entries(before).filter(([path]) => path !== 'gone')));
  // Only the secret that was really deleted is removed.
  expect(await sync.cycle('destination')).toMatchObject({ outcome: 'synced', counts: { deleted: 1 } });
  await running.expectFirstVersions(kept);
  expect(await running.at('gone')).toEqual([undefined, 1]);

  running.mendAll();
  expect(await sync.cycle('origin')).toMatchObject({ outcome: 'unchanged', counts: { unknown: 0, read: 6 } });
  expect(await sync.cycle('destination')).toMatchObject({ outcome: 'unchanged' });
});

test('2. destination cycle writes nothing for a secret whose origin read fails, and the next cycle copies it', async () => {
  const faults: Record<string, [Fault, failureClass: string]> = {
    html: [{ status: 200, body: '<html>log in</html>' }, 'malformed'],
    empty: [{ status: 200, body: '{}' }, 'malformed'],
    nothing: [{ status: 200, body: '{"data":null}' }, 'malformed'],
    foreign: [{ status: 404, body: '<html>not found</html>' }, 'malformed'],
    forbidden: [json(403, 'permission denied'), 'forbidden'],
    down: [json(500, 'internal error'), 'unavailable'],
    cut: ['truncated', 'unavailable'],
  };
  const paths = Object.keys(faults);
  const { sync, proxies } = await start({ secrets: [...paths, 'fine'] });
  for (const path of [...paths, 'fine'])
    await sync.originVault.put(sync.mount, path, { path, changed: true });
  await sync.cycle('origin');

  proxies.originVault.choose((_method, url) => {
    const path = /\/data\/([^/?]+)/.exec(url)?.[1];
    return path === undefined ? undefined : faults[path]?.[0];
  });
  const result = await sync.cycle('destination');
  expect(result).toMatchObject({ outcome: 'partial', counts: { updated: 1, failed: paths.length } });
  expect(Object.fromEntries(result.failures.map(({ path, class: why }) => [path, why]))).toEqual(
    Object.fromEntries(paths.map((path) => [running.data(path), faults[path]?.[1]])),
  );
  await running.expectFirstVersions(paths);
  expect(await running.at('fine')).toEqual([{ path: 'fine', changed: true }, 2]);

  running.mendAll();
  const next = { outcome: 'synced', counts: { updated: paths.length, failed: 0 } };
  expect(await sync.cycle('destination')).toMatchObject(next);
  for (const path of paths) expect(await running.at(path)).toEqual([{ path, changed: true }, 2]);
});

test('7. cycles notice a bucket that does not fit its index: nothing is copied from it, and nothing is deleted', async () => {
  // Enough secrets that neither of the two buckets is empty.
  const paths = 'abcdefghijklmnopqrst'.split('');
  const { sync } = await start({ secrets: paths, numBuckets: 2 });
  const prefix = sync.infoPrefix('origin');
  for (const path of paths) await sync.originVault.put(sync.mount, path, { path, changed: true });
  await sync.cycle('origin');
  // Neither bucket fits the new index: one is empty, the other does not exist.
  await sync.consul.put(`${prefix}0`, '{}');
  await sync.consul.delete(`${prefix}1`);
  const torn = await sync.cycle('destination');
  expect(torn).toMatchObject({ outcome: 'partial', counts: { unknown: 2, deleted: 0, updated: 0 } });
  expect(torn.failures).toEqual(
    expect.arrayContaining([
      { path: `${prefix}0`, class: 'torn-bucket' },
      { path: `${prefix}1`, class: 'torn-bucket' },
    ]),
  );
  await running.expectFirstVersions(paths);

  // The origin compares with the content of its buckets, so it repairs them although the index is right.
  expect(await sync.cycle('origin')).toMatchObject({ outcome: 'synced' });
  expect(Object.keys((await publishedBy(sync)).insights).sort()).toEqual(paths);
  expect(await sync.cycle('destination')).toMatchObject({
    outcome: 'synced',
    counts: { updated: paths.length },
  });

  // The destination does not trust its own bucket either: it compares, and writes no version.
  await sync.consul.put(`${sync.infoPrefix('destination')}0`, '{}');
  for (const path of paths)
    await sync.originVault.request('POST', `${sync.mount}data/${path}`, { data: { path, again: true } });
  await sync.cycle('origin');
  expect(await sync.cycle('destination')).toMatchObject({
    outcome: 'synced',
    counts: { updated: paths.length, failed: 0 },
  });
  for (const path of paths) expect(await running.at(path)).toEqual([{ path, again: true }, 3]);
  expect(await sync.cycle('destination')).toMatchObject({ outcome: 'unchanged' });
});

test('11. destination cycle waits while the origin info does not exist yet or was deleted, and recovers without a restart', async () => {
  const { sync } = await start({});
  const origin = sync.infoPrefix('origin');
  const forget = async (): Promise<void> => {
    for (const key of Object.keys(await sync.consul.revisions(origin))) await sync.consul.delete(key);
  };
  const forgetOwn = async (): Promise<void> => {
    for (const key of Object.keys(await sync.consul.revisions(sync.infoPrefix('destination'))))
      await sync.consul.delete(key);
  };
  // As on the first day: neither side has sync info.
  await forget();
  await forgetOwn();
  expect(await sync.cycle('destination')).toMatchObject({
    outcome: 'unchanged',
    note: 'the origin has not written any sync info yet',
  });
  await running.put('a', 'b');
  await sync.cycle('origin');
  expect(await sync.cycle('destination')).toMatchObject({ outcome: 'synced', counts: { added: 2 } });

  await forget();
  await expect(sync.cycle('destination')).rejects.toMatchObject({
    cause: {
      type: 'OriginInfoGone',
      message: expect.stringContaining(
        `${origin}index: the origin's index is gone; nothing is changed at the destination. Let the origin run a cycle`,
      ) as unknown,
    },
  });
  await running.expectFirstVersions(['a', 'b']);
  expect(await sync.cycle('origin')).toMatchObject({ outcome: 'synced' });
  expect(await sync.cycle('destination')).toMatchObject({ outcome: 'unchanged', counts: { read: 0 } });
  await running.expectFirstVersions(['a', 'b']);

  // The watch recovers too: a later change arrives by itself.
  await sync.start('destination');
  await forget();
  await running.put('c');
  await sync.cycle('origin');
  await eventually(() => running.expectFirstVersions(['a', 'b', 'c']), 'the new secret to arrive');
});
