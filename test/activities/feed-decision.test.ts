import type { OriginDeps } from '../../src/activities/origin/deps';
import { decideCycle, doneAfter, type CycleStart } from '../../src/activities/origin/feed-pass';
import { FeedRecords } from '../../src/sync-info/feed-record';
import { SyncInfo } from '../../src/sync-info/sync-info';
import { FakeFeed } from '../support/fake-feed';
import { MemoryStore } from '../support/memory-store';

const { signal } = new AbortController();

/** Cycles of an origin that has published nothing but its index, and whose receiver hears what the test says. */
function world() {
  const store = new MemoryStore();
  const info = new SyncInfo(store, 'vsync/origin/');
  const records = new FeedRecords(info);
  const feed = new FakeFeed();
  const origin = { include: [], exclude: [], tickMs: 60_000, feed: { socket: {}, fullScanEveryMs: 900_000 } };
  const config = { numBuckets: 'auto', syncMetadata: false, origin };
  const deps = { config, info, fingerprint: 'f' } as unknown as OriginDeps;
  const start = (requestIds: readonly string[]): CycleStart => {
    const index = { index: ['hash'] } as unknown as CycleStart['index'];
    return { index, settingsIndex: undefined, mounts: { 's/': 'uuid' }, changed: [], requestIds };
  };
  /** @returns what the cycle was, and whether it wrote `done` */
  const cycle = async (hasProof: boolean): Promise<[note: string, hasWritten: boolean]> => {
    const decision = await decideCycle(deps, feed, start(hasProof ? ['id'] : []), signal);
    const manifest = {
      v: 1 as const,
      numBuckets: 1,
      mounts: {},
      unknown: [],
      chunks: [],
      feed: decision.feed,
    };
    const save = { manifest: 'm', staged: [], indexRevision: 1, outcome: 'synced' as const, counts: {} };
    const done = doneAfter({ ...manifest, ...(!decision.scan && { pass: true as const }) }, save);
    const stored = await records.readDone(signal);
    if (done === undefined || JSON.stringify(done) === JSON.stringify(stored.done))
      return [decision.note, false];
    await store.commit([records.writeOfDone(done, stored.doneRevision)]);
    return [decision.note, true];
  };
  return { cycle, feed, records };
}

describe('decideCycle', () => {
  test('scans once more when the feed works again, and writes once that it does not', async () => {
    const { cycle } = world();
    const silent = "full scan: the audit line of the cycle's own request did not arrive";
    expect(await cycle(true)).toEqual(['full scan: no earlier one is noted', true]);
    expect(await cycle(true)).toEqual(['feed pass: 0 hinted paths', false]);
    expect(await cycle(false)).toEqual([silent, true]);
    expect(await cycle(false)).toEqual([silent, false]);
    expect(await cycle(true)).toEqual(['full scan: the feed did not work at the last full scan', true]);
    expect(await cycle(true)).toEqual(['feed pass: 0 hinted paths', false]);
  });

  test('a scan for another reason does not hide that the feed did not work', async () => {
    const { cycle, feed } = world();
    await cycle(true);
    await cycle(false);
    feed.gap('connection');
    expect((await cycle(true))[0]).toMatch('full scan: the feed may have missed a change');
    expect((await cycle(true))[0]).toBe('full scan: the feed did not work at the last full scan');
  });
});
