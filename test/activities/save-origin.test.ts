import type { Manifest } from '../../src/activities/origin/manifest';
import type { SaveDeps } from '../../src/activities/origin/missing-writes';
import { saveSyncInfo } from '../../src/activities/origin/save-sync-info';
import type { Outcome } from '../../src/contract/cycle';
import { emptyIndex } from '../../src/rules/bucket';
import { FeedRecords, type FeedDone } from '../../src/sync-info/feed-record';
import { Staging } from '../../src/sync-info/staging';
import { readOriginState, writeOfState, type OriginState } from '../../src/sync-info/state';
import { SyncInfo } from '../../src/sync-info/sync-info';
import { FakeFeed } from '../support/fake-feed';
import { MemoryStore } from '../support/memory-store';

const { signal } = new AbortController();
const MOUNTS = { 's/': 'uuid' };
const FEED = { events: false, fullScanEveryMs: 900_000 };

/** The save of an idle feed pass, after a scan that may have left something unknown. */
class IdlePass {
  readonly store = new MemoryStore();
  readonly info = new SyncInfo(this.store, 'vsync/origin/');
  readonly staging = new Staging(this.store, 'vsync/origin/staging/');
  readonly feed = new FakeFeed();
  readonly done: FeedDone;

  constructor(partial: number) {
    const scan = { beganMs: 1, gaps: { fake: 1 }, mounts: MOUNTS, partial };
    this.done = { v: 1, fingerprint: 'f', scan, handled: {} };
  }

  /** @returns the outcome that the state has then, and the written keys */
  async save(
    outcome: Outcome,
    before: Outcome,
  ): Promise<{ outcome: Outcome | undefined; written: string[] }> {
    const { store, info, staging, feed, done } = this;
    const last = { outcome: before, counts: {}, finishedAt: '2026-01-01T00:00:00Z' };
    const state: OriginState = { v: 1, name: 'o', mounts: MOUNTS, feed: true, last };
    const note = new FeedRecords(info).writeOfDone(done, 0);
    await store.commit([info.writeOfIndex(emptyIndex(1), 0), writeOfState(info, state, 0), note]);
    const { revision = 0 } = store.values.get(note.key) ?? {};
    const manifest: Manifest = {
      v: 1,
      numBuckets: 1,
      mounts: MOUNTS,
      unknown: [],
      pass: true,
      feed: { revision, done },
      chunks: [],
    };
    const reference = await staging.put(manifest);
    const written = store.written.length;
    const config = { name: 'o', origin: { include: [], exclude: [], feed: FEED } };
    const deps = { config, info, staging, feed } as unknown as SaveDeps;
    const save = { manifest: reference, staged: [], indexRevision: 1, outcome, counts: {} };
    await saveSyncInfo(deps, { v: 1, fingerprint: 'f', save }, signal);
    const after = await readOriginState(info);
    return { outcome: after.state?.last?.outcome, written: store.written.slice(written) };
  }
}

describe('saveSyncInfo of an idle feed pass', () => {
  test('keeps the outcome of a scan that left something unknown, and writes nothing', async () => {
    const pass = new IdlePass(1);
    expect(await pass.save('unchanged', 'partial')).toEqual({ outcome: 'partial', written: [] });
    expect(pass.feed.published).toEqual([pass.done]);
  });

  test('replaces the outcome of a cycle before the last whole scan', async () => {
    const pass = new IdlePass(0);
    expect(await pass.save('unchanged', 'timed-out')).toEqual({
      outcome: 'unchanged',
      written: [pass.info.stateKey],
    });
  });

  test('notes its own failures although a scan left something unknown', async () => {
    const pass = new IdlePass(1);
    expect(await pass.save('partial', 'synced')).toMatchObject({ outcome: 'partial' });
  });
});
