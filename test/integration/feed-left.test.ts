import { eventually } from '../support/eventually';
import { FeedSync } from '../support/feed-sync';
import { publishedBy } from '../support/published';
import { onVault } from '../support/vault-kind';

/**
 * Changes that arrive by feed and that a push must leave: what a cycle would not copy, the feed does not bring either. From
 * the audit device of a real Vault to the destination, with all workers as processes. Each tick is 24 hours.
 */

const PATHS = ['a', 'b', 'old/x', 'gone-0', 'gone-1'];

const { describe: describeOnVault } = onVault('audit devices can be enabled over the API');

describeOnVault('an origin with a feed', () => {
  let feed: FeedSync;

  beforeAll(async () => {
    feed = await FeedSync.create({
      destinations: 1,
      edit: (file, role) => {
        if (role === 'origin') return;
        // Each delete needs an approval.
        file['maxDeletes'] = 0;
        const section = file['destination'] as { transforms: object[]; mounts: [string] };
        const [mount] = section.mounts;
        const from = `^${mount}data/(old|new)/(?P<name>.+)$`;
        section.transforms = [{ name: 'both', from, to: `${mount}data/name` }];
      },
    });
    await feed.begin(...PATHS);
  });

  afterAll(() => feed.tearDown());

  /**
   * Changes a secret until the destination answers the push like this. On a busy machine it may first leave one because
   * Temporal does not answer in time.
   *
   * @returns the version
   */
  function putUntil(answer: string, rel: string, data: unknown): Promise<number> {
    return eventually(async () => {
      const before = await feed.pushes(0);
      const version = await feed.put(rel, data);
      await eventually(async () => {
        expect(await feed.pushes(0)).toBeGreaterThan(before);
      }, 'a push to be answered');
      expect(await feed.lastPush(0)).toBe(`last push: ${answer}`);
      return version;
    }, `a push with the answer "${answer}"`);
  }

  /** Waits until the origin has published a change of this secret. */
  async function isPublished(rel: string, version: number): Promise<void> {
    await eventually(async () => {
      expect((await publishedBy(feed.sync)).insights[rel]?.version).toBe(version);
    }, `${rel} to be published`);
  }

  test('leaves deletes to the guard, while pushes go on, and an approval releases them', async () => {
    const { sync } = feed;
    const before = await feed.pushes(0);
    for (const rel of ['gone-0', 'gone-1']) await sync.originVault.delete(sync.mount, rel);
    await eventually(async () => {
      expect(await (await sync.lastCycle('destination')).result()).toMatchObject({
        outcome: 'held',
        counts: { deleted: 0, held: 2 },
      });
    }, 'a cycle that holds both deletes');
    expect(await feed.pushes(0)).toBe(before);
    const version = await putUntil('1 there, 0 left to the next cycle', 'a', { while: 'held' });
    expect((await feed.at(0, 'a'))[0]).toEqual({ while: 'held' });
    await isPublished('a', version);
    for (const rel of ['gone-0', 'gone-1']) expect(await feed.at(0, rel)).toEqual([{ rel }, 1]);
    await sync.approve();
    await sync.cycle('destination');
    for (const rel of ['gone-0', 'gone-1']) await feed.arrives(0, rel, undefined);
    await feed.isSettled('b');
  });

  test('leaves both secrets of a collision, until one of them is gone', async () => {
    const { sync } = feed;
    const left = '0 there, 1 left to the next cycle';
    for (const rel of ['new/x', 'old/x']) {
      const version = await putUntil(left, rel, { changed: rel });
      await isPublished(rel, version);
    }
    await eventually(async () => {
      const { outcome, failures } = await sync.cycle('destination');
      const collided = failures.map(({ class: kind, path }) => `${kind} ${path}`).sort();
      expect([outcome, collided]).toEqual([
        'partial',
        ['new/x', 'old/x'].map((rel) => `collision ${sync.mount}data/${rel}`),
      ]);
    }, 'a cycle that reports the collision');
    expect(await feed.at(0, 'x')).toEqual([{ rel: 'old/x' }, 1]);
    await sync.originVault.delete(sync.mount, 'new/x');
    await feed.arrives(0, 'x', { changed: 'old/x' });
    await feed.isSettled('b');
    expect(await feed.at(0, 'x')).toEqual([{ changed: 'old/x' }, 2]);
  });

  test('leaves everything while the destination is paused, and brings it after a resume', async () => {
    const schedule = feed.sync.schedule('destination');
    await schedule.pause('by the test');
    const { numActionsTaken } = (await schedule.describe()).info;
    const [valueBefore, versionBefore = 0] = await feed.at(0, 'a');
    const version = await putUntil('0 there, 1 left to the next cycle (paused)', 'a', { while: 'paused' });
    await isPublished('a', version);
    expect(await feed.at(0, 'a')).toEqual([valueBefore, versionBefore]);
    expect((await schedule.describe()).info.numActionsTaken).toBe(numActionsTaken);
    await schedule.unpause();
    await feed.arrives(0, 'a', { while: 'paused' });
    await feed.isSettled('b');
    expect(await feed.at(0, 'a')).toEqual([{ while: 'paused' }, versionBefore + 1]);
  });

  test('leaves everything to a worker with the new transforms and filter, which puts it where they say', async () => {
    const [, worker] = feed.workers;
    const { mount } = feed.sync;
    const [valueBefore, versionBefore] = await feed.at(0, 'a');
    const excludedBefore = await feed.at(0, 'b');
    await feed.reconfigure(0, ({ destination }) => {
      destination.transforms = [
        { name: 'move', from: `^${mount}data/(?P<name>a)$`, to: `${mount}data/moved/name` },
      ];
      destination['exclude'] = [`${mount}b`];
    });
    const refused = '0 there, 1 left to the next cycle (other-configuration)';
    for (const rel of ['a', 'b'])
      await isPublished(rel, await putUntil(refused, rel, { changed: 'meanwhile' }));
    await worker?.stop();
    await feed.startWorker('destination');
    await feed.sync.cycle('destination');
    await feed.arrives(0, 'moved/a', { changed: 'meanwhile' });
    await feed.put('a', { changed: 'again' });
    await feed.arrives(0, 'moved/a', { changed: 'again' });
    // The old place stays an orphan, and the excluded secret as it was.
    expect(await feed.at(0, 'a')).toEqual([valueBefore, versionBefore]);
    expect(await feed.at(0, 'b')).toEqual(excludedBefore);
  });
});
