import net from 'node:net';
import { once } from 'node:events';
import type { GuardedProcess } from '../../dev/shared/guarded-process';
import { eventually } from '../support/eventually';
import { FeedSync } from '../support/feed-sync';
import { onVault } from '../support/vault-kind';

/**
 * From a change at the origin's Vault to the destinations, with nothing in between that a test could call: an audit
 * device, the origin's worker, and the workers of two destinations. Each tick is 24 hours.
 */

async function kill(worker: GuardedProcess): Promise<void> {
  process.kill(worker.pid, 'SIGKILL');
  await worker.exited;
}

const { describe: describeOnVault } = onVault('audit devices can be enabled over the API');

describeOnVault('an origin with a feed', () => {
  let feed: FeedSync;
  let origin: GuardedProcess;

  beforeAll(async () => {
    feed = await FeedSync.create();
    await feed.begin('b', 'a', 'gone');
    [origin] = feed.workers as [GuardedProcess];
  });

  afterAll(() => feed.tearDown());

  test('vsync status shows the connection of the feed, the next full scan, and the last push of a destination', async () => {
    const { feed: heard } = await feed.sync.status('origin');
    expect(heard?.receivers).toMatchObject([
      {
        worker: expect.stringMatching(new RegExp(`^${origin.pid}@`)) as string,
        polls: true,
        listeners: [{ kind: 'socket', connected: true, connections: 1 }],
        gap: { why: 'connection' },
      },
    ]);
    expect(Date.parse(heard?.receivers[0]?.listeners[0]?.lastLineAt ?? '')).toBeLessThanOrEqual(Date.now());
    // 15 minutes after the last one.
    expect(Date.parse(heard?.scan.nextAt ?? '')).toBeGreaterThan(Date.now());
    const { push } = await feed.sync.status('destination');
    expect(push).toMatchObject({ state: 'running', last: { there: 1, left: 0 } });
  });

  test('a changed secret is pushed to each destination, in one version, and the cycle copies nothing', async () => {
    const before = await Promise.all([0, 1].map((number) => feed.pushes(number)));
    await feed.put('a', { changed: 1 });
    for (const number of [0, 1]) {
      await feed.arrives(number, 'a', { changed: 1 });
      await eventually(async () => {
        expect(await (await feed.sync.lastCycle('destination', number)).result()).toMatchObject({
          outcome: 'synced',
          counts: { updated: 0, skipped: 1 },
        });
      }, 'the cycle that claims it');
      expect(await feed.at(number, 'a')).toEqual([{ changed: 1 }, 2]);
      expect(await feed.pushes(number)).toBe((before[number] ?? 0) + 1);
    }
    expect(await (await feed.sync.lastCycle('origin')).result()).toMatchObject({
      note: 'feed pass: 1 hinted path',
    });
  });

  test('a created secret and a deleted one arrive by a feed pass and the watch', async () => {
    await feed.put('new', { created: true });
    await feed.sync.originVault.delete(feed.sync.mount, 'gone');
    for (const number of [0, 1]) {
      await feed.arrives(number, 'new', { created: true });
      await feed.arrives(number, 'gone', undefined);
      expect(await feed.at(number, 'new')).toEqual([{ created: true }, 1]);
    }
    expect((await (await feed.sync.lastCycle('origin')).result()) as object).toMatchObject({
      note: expect.stringMatching(/^feed pass: [12] hinted paths?$/) as string,
    });
    await feed.isSettled('b');
  });

  test('a paused origin pushes nothing and starts no cycle; after a resume all is equal', async () => {
    const schedule = feed.sync.schedule('origin');
    await schedule.pause('by the test');
    const { numActionsTaken } = (await schedule.describe()).info;
    const before = await feed.pushes(0);
    await feed.put('a', { paused: true });
    // It is written before a cycle is triggered.
    await eventually(async () => {
      const records = await feed.sync.consul.values(`${feed.sync.infoPrefix('origin')}feed/`);
      expect(Object.values(records).join()).toContain(`"${feed.sync.mount}","a"]`);
    }, 'the hint to be recorded');
    expect(await feed.at(0, 'a')).toEqual([{ changed: 1 }, 2]);
    await schedule.unpause();
    for (const number of [0, 1]) await feed.arrives(number, 'a', { paused: true });
    expect(await feed.pushes(0)).toBe(before);
    expect((await schedule.describe()).info.numActionsTaken).toBe(numActionsTaken + 1);
    await feed.isSettled('b');
  });

  test('a destination without a worker holds up no other one, and catches up by itself', async () => {
    const [, , second] = feed.workers;
    await kill(second as GuardedProcess);
    const before = await feed.pushes(0);
    await feed.put('a', { absent: 1 });
    await feed.arrives(0, 'a', { absent: 1 });
    await feed.put('a', { absent: 2 });
    await feed.arrives(0, 'a', { absent: 2 });
    // The answer follows the write.
    await eventually(async () => {
      expect(await feed.pushes(0)).toBe(before + 2);
    }, 'both changes to be pushed');
    expect((await feed.at(1, 'a'))[0]).toEqual({ paused: true });
    await feed.startWorker('destination', 1);
    await feed.arrives(1, 'a', { absent: 2 });
    await feed.isSettled('b');
  });

  test('a second process takes over when the first is killed, and finds what was lost in between', async () => {
    await feed.startWorker('origin');
    await eventually(() => {
      expect(feed.log()).toContain('this one takes over when the address is free');
      return Promise.resolve();
    }, 'the second process to wait');
    await kill(origin);
    await feed.put('lost', { line: 'heard by no one' });
    await eventually(async () => {
      const socket = net.connect(feed.port, '127.0.0.1');
      await once(socket, 'connect');
      socket.destroy();
    }, 'the second process to listen');
    await feed.put('a', { after: 'the kill' });
    for (const number of [0, 1]) {
      await feed.arrives(number, 'a', { after: 'the kill' });
      await feed.arrives(number, 'lost', { line: 'heard by no one' });
    }
    await feed.isHeard('b');
  });
});
