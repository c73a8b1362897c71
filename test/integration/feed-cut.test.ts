import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { CycleResult } from '../../src/contract/cycle';
import { cyclesOf } from '../../src/temporal/schedule';
import { freePorts } from '../../dev/servers/start';
import { startVsync } from '../../dev/shared/vsync-command';
import { eventually } from '../support/eventually';
import { FeedSync } from '../support/feed-sync';
import { publishedBy } from '../support/published';
import { onVault } from '../support/vault-kind';

/** The way of audit lines from a real Vault to the origin's workers: a connection that ends, and lines that come twice. */

const { describe: describeOnVault } = onVault('audit devices can be enabled over the API');

const CONNECTION = 'full scan: the feed may have missed a change (connection)';

/** The least time between two scans of gaps is a tick. */
const TICK = '10s';

async function create(): Promise<FeedSync> {
  return FeedSync.create({
    destinations: 1,
    withLine: true,
    edit: (file, role) => {
      if (role === 'origin') (file['origin'] as { tick: string }).tick = TICK;
    },
  });
}

describeOnVault('an origin whose audit lines pass a network', () => {
  let feed: FeedSync;

  beforeAll(async () => {
    feed = await create();
    await feed.begin('b', 'a', 'gone');
  });

  afterAll(() => feed.tearDown());

  const runIds = async (): Promise<string[]> =>
    cyclesOf(await feed.sync.schedule('origin').describe()).map(({ runId }) => runId);

  /** Waits for the end of the first cycle after these that scans because of the connection. */
  async function scanOfConnection(known: readonly string[]): Promise<void> {
    await eventually(async () => {
      const cycles = cyclesOf(await feed.sync.schedule('origin').describe());
      const results = await Promise.all(
        cycles
          .filter(({ runId }) => !known.includes(runId))
          .map(
            ({ workflowId, runId }) =>
              feed.sync.client.workflow.getHandle(workflowId, runId).result() as Promise<CycleResult>,
          ),
      );
      expect(results.map(({ note }) => note)).toContain(CONNECTION);
    }, 'a scan because of the connection');
  }

  test('finds by one scan what a cut connection has lost, and notes the gap', async () => {
    const { sync, line } = feed;
    const before = await runIds();
    await line?.cut();
    // No listener hears of these.
    const version = await feed.put('a', { while: 'cut' });
    await feed.put('new', { while: 'cut' });
    await sync.originVault.delete(sync.mount, 'gone');
    await line?.mend();
    await scanOfConnection(before);
    const { insights } = await eventually(() => publishedBy(sync), 'sync info that is not being written');
    expect([insights['a']?.version, insights['new']?.version, insights['gone']]).toEqual([
      version,
      1,
      undefined,
    ]);
    await feed.arrives(0, 'a', { while: 'cut' });
    await feed.arrives(0, 'new', { while: 'cut' });
    await feed.arrives(0, 'gone', undefined);
    await feed.isHeard('b');
    expect(await feed.at(0, 'a')).toEqual([{ while: 'cut' }, 2]);
  });

  test('loses no change of a stream whose connection ends again and again', async () => {
    const { sync, line } = feed;
    const written = new Map<string, number>();
    for (let round = 0; round < 40; round++) {
      if (round % 8 === 7) line?.interrupt();
      const rel = `stream-${round % 10}`;
      written.set(rel, await feed.put(rel, { round }));
    }
    await eventually(async () => {
      const { insights } = await publishedBy(sync);
      const late = [...written].filter(([rel, version]) => insights[rel]?.version !== version);
      expect(late).toEqual([]);
    }, 'all changes to be published');
    for (const [rel] of written) await feed.arrives(0, rel, await sync.originVault.get(sync.mount, rel));
    await feed.isHeard('b');
    for (const [rel, version] of written) expect((await feed.at(0, rel))[1]).toBeLessThanOrEqual(version);
  });

  test('writes each change once, although two workers hear the same lines', async () => {
    const { sync } = feed;
    const [port = 0] = await freePorts(1);
    const file = path.join(sync.folder, 'origin-2.json');
    copyFileSync(sync.originFile, file);
    const content = JSON.parse(readFileSync(file, 'utf8')) as { origin: { feed: object } };
    content.origin.feed = { socket: { listen: `127.0.0.1:${port}` } };
    writeFileSync(file, JSON.stringify(content));
    feed.workers.push(await startVsync(['worker', '-c', file], { home: sync.folder }));
    await feed.enableSocketDevice('feed-2', `127.0.0.1:${port}`);
    await eventually(async () => {
      const before = await feed.pushes(0);
      const value = { at: performance.now() };
      await feed.put('b', value);
      await feed.arrives(0, 'b', value);
      expect(await feed.pushes(0)).toBe(before + 2);
    }, 'both workers to push a change');
    await feed.isHeard('b');
    const names = ['a', 'b', 'new'];
    const before = await Promise.all(names.map(async (rel) => (await feed.at(0, rel))[1] ?? 0));
    for (let round = 1; round <= 5; round++)
      for (const rel of names) {
        await feed.put(rel, { round });
        await feed.arrives(0, rel, { round });
      }
    await feed.isHeard('gone');
    const after = await Promise.all(names.map(async (rel) => (await feed.at(0, rel))[1] ?? 0));
    expect(after).toEqual(before.map((version) => version + 5));
  });
});
