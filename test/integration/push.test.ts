import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { PUSH_SECRETS, PUSHES_PER_RUN } from '../../src/limits';
import { startVsync } from '../../dev/shared/vsync-command';
import { exportRuns, readableTexts } from '../support/histories';
import { Pushes } from '../support/pushes';
import { RunningSync, type RunningOptions } from '../support/running-sync';
import type { FileContent } from '../support/sync-fixture';

/** A push copies changed secrets at once. Whatever it leaves, the cycles bring; whatever it copies, they claim. */

let running: RunningSync;
let pushes: Pushes;

async function begin(options: RunningOptions = {}): Promise<void> {
  running = await RunningSync.create({ secrets: ['a', 'b'], ...options });
  pushes = await Pushes.to(running.sync);
}

afterEach(async () => {
  await pushes.end();
  await running.tearDown();
});

const change = (path: string, value: unknown = { path, changed: true }): Promise<number> =>
  running.sync.originVault.put(running.sync.mount, path, value);

/** A cycle of each role, and another one that has to find nothing to do. */
async function settle(): ReturnType<RunningSync['sync']['cycle']> {
  await running.sync.cycle('origin');
  const settled = await running.sync.cycle('destination');
  expect(await running.sync.cycle('destination')).toMatchObject({ outcome: 'unchanged' });
  return settled;
}

const changedA = { path: 'a', changed: true };

test('a push copies a changed secret and writes no sync info; the next cycle compares it and claims it', async () => {
  await begin();
  await change('a');
  const { consul } = running.sync;
  const before = await consul.revisions(running.sync.infoPrefix('destination'));
  expect(await pushes.push('a')).toEqual({ v: 1, there: 1, left: 0 });
  expect(await running.at('a')).toEqual([changedA, 2]);
  expect(await consul.revisions(running.sync.infoPrefix('destination'))).toEqual(before);
  expect(await settle()).toMatchObject({ outcome: 'synced', counts: { updated: 0, skipped: 1 } });
  expect(await running.at('a')).toEqual([changedA, 2]);
});

test('a push of a secret that is equal already writes no version', async () => {
  await begin();
  expect(await pushes.push('a', 'b')).toEqual({ v: 1, there: 2, left: 0 });
  await running.expectFirstVersions(['a', 'b']);
});

test('a push and a cycle that copy the same secret at the same time write one version', async () => {
  await begin();
  await change('a');
  await running.sync.cycle('origin');
  let pushed: unknown;
  running.proxies.vault.choose(async (method, url) => {
    if (pushed !== undefined || method !== 'POST' || !url.endsWith('/data/a')) return undefined;
    pushed = 'now';
    // The cycle has read both ends, and its write is on the way.
    pushed = await pushes.push('a');
    return undefined;
  });
  expect(await running.sync.cycle('destination')).toMatchObject({
    outcome: 'synced',
    counts: { updated: 0, skipped: 1 },
  });
  expect(pushed).toEqual({ v: 1, there: 1, left: 0 });
  expect(await running.at('a')).toEqual([changedA, 2]);
  expect(await running.sync.cycle('destination')).toMatchObject({ outcome: 'unchanged' });
});

test('a push copies nothing while the destination is paused, or without its schedule', async () => {
  await begin();
  await change('a');
  const schedule = running.sync.schedule('destination');
  await schedule.pause();
  expect(await pushes.push('a')).toEqual({ v: 1, there: 0, left: 1, why: 'paused' });
  await schedule.unpause();
  await schedule.delete();
  expect(await pushes.push('a')).toEqual({ v: 1, there: 0, left: 1, why: 'no-schedule' });
  await running.expectFirstVersions(['a']);
  await running.sync.startQuietly('destination');
  expect(await settle()).toMatchObject({ counts: { updated: 1 } });
});

test('a push copies nothing while schedule and worker have different configurations', async () => {
  await begin();
  await change('a');
  const { sync } = running;
  const [file = ''] = sync.destinationFiles;
  const content = JSON.parse(readFileSync(file, 'utf8')) as FileContent;
  const { mount } = sync;
  content.destination.transforms = [{ name: 't', from: `^${mount}data/b$`, to: `${mount}data/moved` }];
  writeFileSync(file, JSON.stringify(content));
  await sync.startQuietly('destination');
  // This origin has no feed, so that the start ended them.
  pushes = await Pushes.to(sync);
  expect(await pushes.push('a')).toEqual({ v: 1, there: 0, left: 1, why: 'other-configuration' });
  await running.expectFirstVersions(['a']);
  await sync.stopWork();
  await sync.work();
  await settle();
  expect(await running.at('a')).toEqual([changedA, 2]);
});

test('a push copies nothing into a re-created mount', async () => {
  await begin();
  await change('a');
  const [vault] = running.sync.destinationVaults;
  await vault?.unmount(running.sync.mount);
  await vault?.mount(running.sync.mount);
  expect(await pushes.push('a')).toEqual({ v: 1, there: 0, left: 1, why: 'mount-changed' });
  expect(await running.at('a')).toEqual([undefined, 0]);
  await settle();
  expect(await running.at('a')).toEqual([changedA, 1]);
});

test('a push leaves what the destination does not name: new secrets, excluded ones, and kept values', async () => {
  await begin({
    destination: { onConflict: 'keep' },
    edit: (file, role) => {
      const section = file['destination'] as { exclude?: string[]; mounts: string[] };
      if (role === 'destination') section.exclude = section.mounts.map((mount) => `${mount}out`);
    },
  });
  await running.sync.destinationVaults[0]?.put(running.sync.mount, 'kept', { of: 'another' });
  await running.put('kept', 'out', 'new');
  expect(await pushes.push('kept', 'out', 'new')).toEqual({ v: 1, there: 0, left: 3 });
  await running.sync.cycle('origin');
  await running.sync.cycle('destination');
  await change('kept');
  expect(await pushes.push('kept', 'out', 'new')).toEqual({ v: 1, there: 1, left: 2 });
  expect(await running.at('kept')).toEqual([{ of: 'another' }, 1]);
  expect(await running.at('out')).toEqual([undefined, 0]);
  await running.expectFirstVersions(['new']);
});

test('a push leaves a secret whose claim is unverified', async () => {
  await begin({ numBuckets: 1 });
  const key = `${running.sync.infoPrefix('destination')}0`;
  const stored = (await running.sync.consul.values(key))[key] ?? '';
  await running.sync.consul.put(key, stored.replaceAll('"version":1', '"version":0'));
  await change('a');
  expect(await pushes.push('a')).toEqual({ v: 1, there: 0, left: 1 });
  await running.expectFirstVersions(['a']);
  await settle();
  expect(await running.at('a')).toEqual([changedA, 2]);
});

test('a push leaves both secrets of a collision', async () => {
  const rule = (mount: string): object => ({
    name: 't',
    from: `^${mount}data/(old|new)/(?P<name>.+)$`,
    to: `${mount}data/name`,
  });
  await begin({
    secrets: ['old/x'],
    edit: (file, role) => {
      const section = file['destination'] as { transforms: object[]; mounts: string[] };
      if (role === 'destination') section.transforms = section.mounts.map(rule);
    },
  });
  await change('old/x');
  expect(await pushes.push('old/x')).toEqual({ v: 1, there: 1, left: 0 });
  await running.put('new/x');
  expect(await pushes.push('new/x')).toEqual({ v: 1, there: 0, left: 1 });
  await running.sync.cycle('origin');
  await change('old/x', { path: 'old/x', changed: 'again' });
  expect(await pushes.push('old/x', 'new/x')).toEqual({ v: 1, there: 0, left: 2 });
  expect(await running.at('x')).toEqual([{ path: 'old/x', changed: true }, 2]);
});

test('a push leaves a secret of which the origin answers with an older version', async () => {
  await begin();
  running.proxies.originVault.remember(true);
  expect(await pushes.push('a')).toEqual({ v: 1, there: 1, left: 0 });
  await change('a');
  running.proxies.originVault.choose((method, url) =>
    method === 'GET' && url.endsWith('/data/a') ? 'stale' : undefined,
  );
  // The destination's version is an older one too, so that the value would be written.
  await running.sync.destinationVaults[0]?.put(running.sync.mount, 'a', { drift: true });
  expect(await pushes.push('a')).toEqual({ v: 1, there: 0, left: 1 });
  expect(await running.at('a')).toEqual([{ drift: true }, 2]);
  running.mendAll();
  await settle();
  expect(await running.at('a')).toEqual([changedA, 3]);
});

test('a push leaves a version that expires to the cycle that carries its settings', async () => {
  await begin({
    edit: (file) => {
      file['syncMetadata'] = true;
    },
  });
  const { sync } = running;
  await change('b');
  await sync.originVault.request('POST', `${sync.mount}metadata/a`, { delete_version_after: '1h' });
  await change('a');
  expect(await pushes.push('a', 'b')).toEqual({ v: 1, there: 1, left: 1 });
  expect(await running.at('a')).toEqual([{ path: 'a' }, 1]);
  await settle();
  const answer = await sync.destinationVaults[0]?.request('GET', `${sync.mount}metadata/a`);
  const { versions } = (answer as { data: { versions: Record<string, { deletion_time: string }> } }).data;
  expect(versions['2']?.deletion_time).toMatch(/^\d{4}-/);
});

test('a push deletes nothing: deletes wait for the guard and its approval', async () => {
  await begin({ secrets: ['a', 'b', 'c', 'd'] });
  const gone = await Promise.all(['a', 'b', 'c'].map((path) => pushes.known(path)));
  for (const path of ['a', 'b', 'c']) await running.sync.originVault.delete(running.sync.mount, path);
  expect(await pushes.send(gone)).toEqual({ v: 1, there: 0, left: 3 });
  await running.expectFirstVersions(['a', 'b', 'c', 'd']);
  await running.sync.cycle('origin');
  expect(await running.sync.cycle('destination')).toMatchObject({ outcome: 'held', counts: { deleted: 0 } });
  await change('d');
  expect(await pushes.push('d')).toEqual({ v: 1, there: 1, left: 0 });
  await running.sync.approve();
  expect(await settle()).toMatchObject({ counts: { deleted: 3, skipped: 1 } });
});

test('a push whose worker is killed after its write is done again by another worker, and writes one version', async () => {
  await begin();
  const { sync, proxies } = running;
  await sync.stopWork();
  // Else the worker would end the pushes.
  const key = `${sync.infoPrefix('origin')}state`;
  const state = JSON.parse((await sync.consul.values(key))[key] ?? '') as object;
  await sync.consul.put(key, JSON.stringify({ ...state, feed: true }));
  const worker = await startVsync(['worker', '-c', ...sync.destinationFiles], { home: sync.folder });
  try {
    await change('a');
    const kill = async (): Promise<void> => {
      process.kill(worker.pid, 'SIGKILL');
      await worker.exited;
      running.mendAll();
      await sync.work();
    };
    proxies.vault.choose((method, url) =>
      method === 'POST' && url.endsWith('/data/a') ? { lost: kill } : undefined,
    );
    expect(await pushes.push('a')).toEqual({ v: 1, there: 1, left: 0 });
    expect(await running.at('a')).toEqual([changedA, 2]);
    expect(await settle()).toMatchObject({ counts: { updated: 0, skipped: 1 } });
    expect(await running.at('a')).toEqual([changedA, 2]);
  } finally {
    if (worker.exit === undefined) process.kill(worker.pid, 'SIGKILL');
    await worker.exited;
  }
});

test('a push puts no secret value into Temporal', async () => {
  await begin();
  const planted = `planted-${randomBytes(16).toString('hex')}`;
  await change('a', { password: planted, [planted]: 'as a key' });
  expect(await pushes.push('a')).toEqual({ v: 1, there: 1, left: 0 });
  expect(await running.at('a')).toEqual([{ password: planted, [planted]: 'as a key' }, 2]);
  const { mount, id, client } = running.sync;
  const runs = (await exportRuns(client, id)).filter(({ type }) => type === 'pushChanges');
  const texts = readableTexts(runs);
  expect(texts).toContain(`${mount}data/a`); // proves that the search covers real content
  expect(texts).not.toContain(planted);
});

test('pushChanges continues as new, so that its history stays short, and loses no push', async () => {
  await begin();
  for (let number = 0; number < PUSHES_PER_RUN; number++)
    expect(await pushes.push('a')).toEqual({ v: 1, there: 1, left: 0 });
  expect(await pushes.push('a', 'b')).toEqual({ v: 1, there: 2, left: 0 });
  const { status, events } = await pushes.firstRunNow();
  expect(status).toBe('CONTINUED_AS_NEW');
  expect(events).toBeLessThan(1_500);
});

test('pushChanges refuses a batch that is too large, and writes nothing of it into its history', async () => {
  await begin();
  expect(await pushes.push('a')).toEqual({ v: 1, there: 1, left: 0 });
  const { events } = await pushes.firstRunNow();
  const many = Array.from({ length: PUSH_SECRETS + 1 }, (_, number): [string, number, string] => [
    `s/data/${number}`,
    1,
    '',
  ]);
  await expect(pushes.send(many)).rejects.toMatchObject({ cause: { message: /at most 256 secrets/ } });
  await expect(pushes.send([['x'.repeat(70_000), 1, '']])).rejects.toThrow();
  expect((await pushes.firstRunNow()).events).toBe(events);
});
