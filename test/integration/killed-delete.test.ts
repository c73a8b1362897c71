import { bucketId } from '../../src/rules/bucket';
import { eventually } from '../support/eventually';
import { publishedBy } from '../support/published';
import { RunningSync } from '../support/running-sync';
import { startVsync } from '../../dev/shared/vsync-command';

/**
 * A worker dies in the middle of a cycle, and the cycle is terminated. Then the origin returns to its earlier secrets:
 * its info is again what the destination's index contained before.
 */

let running: RunningSync;

beforeEach(async () => {
  running = await RunningSync.create({ secrets: ['a', 'deleted', 'recorded', 'b', 'c'] });
});

afterEach(() => running.tearDown());

test('destination cycle after a crash around a delete, and an undelete, brings the secret back as one new version, or keeps its first', async () => {
  const { sync, proxies } = running;
  const vault = sync.destinationVaults[0];
  // In a bucket of its own, which is saved before the worker dies.
  const inBucket = (path: string): number => bucketId(running.data(path), 4);
  const taken = new Set(['deleted', 'recorded'].map(inBucket));
  const added = [...Array(50).keys()].map((n) => `new-${n}`).find((path) => !taken.has(inBucket(path))) ?? '';
  await sync.originVault.delete(sync.mount, 'deleted');
  await sync.originVault.delete(sync.mount, 'recorded');
  await running.put(added);
  await sync.stopWork();
  await sync.work({ only: 'origin' });
  await sync.cycle('origin');

  const worker = await startVsync(['worker', '-c', ...sync.destinationFiles], { home: sync.folder });
  // One delete is carried out without an answer, the other one is not carried out.
  proxies.vault.choose((method, url) => {
    if (method !== 'POST') return undefined;
    if (url.endsWith('/delete/deleted')) return { late: worker.exited };
    return url.endsWith('/delete/recorded') ? 'hang' : undefined;
  });
  await sync.schedule('destination').trigger('BUFFER_ONE');
  const own = async (): Promise<string> =>
    JSON.stringify(await sync.consul.values(sync.infoPrefix('destination')));
  await eventually(async () => {
    // Each may be sent again if this takes longer than the time for an answer.
    const deletes = proxies.vault.requests.filter((request) => request.includes('/delete/'));
    expect(new Set(deletes).size).toBe(2);
    expect(await vault?.get(sync.mount, 'deleted')).toBeUndefined();
    expect(await own()).toContain(running.data(added));
  }, 'a delete without its record, and a record without its delete');
  process.kill(worker.pid, 'SIGKILL');
  await worker.exited;
  await (await sync.lastCycle('destination')).terminate('no worker is left');
  await sync.idle('destination');
  running.mendAll();
  expect(await running.at('deleted')).toEqual([undefined, 1]);
  expect(await running.at('recorded')).toEqual([{ path: 'recorded' }, 1]);
  expect(await running.at(added)).toEqual([{ path: added }, 1]);

  for (const path of ['deleted', 'recorded'])
    await sync.originVault.request('POST', `${sync.mount}undelete/${path}`, { versions: [1] });
  await sync.originVault.delete(sync.mount, added);
  await sync.cycle('origin');
  await sync.work({ only: 'destination' });
  const cycle = await sync.cycle('destination');
  expect(cycle).toMatchObject({ outcome: 'synced', counts: { updated: 1, deleted: 1, failed: 0 } });
  expect(await running.at('deleted')).toEqual([{ path: 'deleted' }, 2]);
  await running.expectFirstVersions(['a', 'b', 'c', 'recorded']);
  expect(await running.at(added)).toEqual([undefined, 1]);
  expect(await sync.cycle('destination')).toMatchObject({
    outcome: 'unchanged',
    counts: { read: 0, held: 0 },
  });
  const claims = (await publishedBy(sync, 'destination')).insights;
  expect(claims).toEqual((await publishedBy(sync)).insights);
  expect(await own()).not.toContain('unsaved');
});
