import type { DestinationDeps } from '../../src/activities/destination/base/deps';
import { saveSyncInfo } from '../../src/activities/destination/cycle/save-sync-info';
import type { DestinationConfig } from '../../src/config/schema';
import { readDirtyMarker } from '../../src/sync-info/commits';
import { Staging } from '../../src/sync-info/staging';
import { readDestinationState, writeOfState, type DestinationState } from '../../src/sync-info/state';
import { SyncInfo } from '../../src/sync-info/sync-info';
import { bucketId, hashBucket, originVersionOf } from '../../src/rules/bucket';
import type { Insight } from '../../src/rules/insight';
import { lastDay } from '../../src/rules/delete-guard';
import { NO_COUNTS } from '../../src/contract/cycle';
import type { SaveDestinationInput } from '../../src/contract/destination';
import { MemoryStore } from '../support/memory-store';
import { wholeScope } from '../support/whole-scope';

const { signal } = new AbortController();
const PATHS = Array.from({ length: 40 }, (_, number) => `s/data/${number}`);
const INSIGHT: Insight = { version: 1, updateTime: '2026-01-01T00:00:00Z', type: 'kvV2' };
const HELD = { count: 9, hash: 'h'.repeat(64), reason: 'they are many' };

/** A destination that has all that the origin has, and what saveSyncInfo needs of its deps. */
class Ground {
  readonly store = new MemoryStore();
  readonly info = new SyncInfo(this.store, 'vsync/destination/');
  readonly originInfo = new SyncInfo(this.store, 'vsync/origin/');
  input!: SaveDestinationInput;

  static async create(numBuckets = 4): Promise<Ground> {
    const ground = new Ground();
    for (const info of [ground.info, ground.originInfo]) await ground.write(info, numBuckets);
    const { index, revision } = await ground.info.readIndex();
    ground.input = {
      v: 1,
      fingerprint: 'now',
      buckets: [...Array(numBuckets).keys()],
      outcome: 'synced',
      finished: true,
      counts: NO_COUNTS,
      knownDifferences: [],
      indexRevision: revision,
      considered: originVersionOf(index ?? [], undefined),
      mounts: { 's/': 'uuid' },
      changedMounts: {},
      ownMounts: { 's/': 'uuid' },
      deleted: { 's/': 5 },
      known: { 's/': 45 },
      approved: false,
    };
    return ground;
  }

  /** @returns the index that the origin has then */
  publish(insights: ReadonlyMap<string, Insight>): Promise<string[]> {
    return this.write(this.originInfo, 4, insights);
  }

  async write(
    info: SyncInfo,
    numBuckets: number,
    insights: ReadonlyMap<string, Insight> = new Map(PATHS.map((path) => [path, INSIGHT])),
  ): Promise<string[]> {
    const buckets = Array.from({ length: numBuckets }, () => new Map<string, Insight>());
    for (const [path, insight] of insights) buckets[bucketId(path, numBuckets)]?.set(path, insight);
    for (const [id, bucket] of buckets.entries()) {
      const { revision } = await info.readBucket(id);
      await this.store.commit([info.writeOfBucket(id, bucket, revision)]);
    }
    const { revision } = await info.readIndex();
    const index = buckets.map(hashBucket);
    await this.store.commit([info.writeOfIndex(index, revision)]);
    return index;
  }

  async state(): Promise<DestinationState> {
    const { state } = await readDestinationState(this.info);
    if (state === undefined) throw new Error('there is no state');
    return state;
  }

  /** Changes the state past everything. */
  async change(change: Partial<DestinationState>): Promise<void> {
    const { state, revision } = await readDestinationState(this.info);
    if (state === undefined) throw new Error('there is no state');
    await this.store.commit([writeOfState(this.info, { ...state, ...change }, revision)]);
  }

  save(run: string, change: Partial<SaveDestinationInput> = {}): Promise<unknown> {
    const { store, info, originInfo } = this;
    const destination = { deleteExcluded: false };
    const config = { name: 'd', ignoreDeletes: false, destination } as unknown as DestinationConfig;
    const staging = new Staging(store, 'vsync/destination/staging/');
    const parts = { role: 'destination', sides: {}, transforms: [] } as const;
    const scope = wholeScope();
    const deps = { config, scope, fingerprint: 'now', parts, info, originInfo, staging };
    return saveSyncInfo(deps as unknown as DestinationDeps, { ...this.input, ...change }, signal, run);
  }
}

let ground: Ground;

beforeEach(async () => (ground = await Ground.create()));

const deletedOfDay = async (): Promise<number> =>
  lastDay((await ground.state()).deletesOfDay ?? [], Date.now())
    .flatMap(({ mounts }) => Object.values(mounts))
    .reduce((sum, { deleted }) => sum + deleted, 0);

test('saveSyncInfo counts the deletes of a repeated save once', async () => {
  await ground.save('run 1');
  await ground.save('run 1');
  expect(await deletedOfDay()).toBe(5);
  await ground.save('run 2');
  expect(await deletedOfDay()).toBe(10);
});

/** Has something happen between the first look of a save at the state, and its write. */
function meanwhile(happens: () => Promise<void>): void {
  const get = ground.store.get.bind(ground.store);
  let looks = 0;
  ground.store.get = async (key) => {
    if (key === ground.info.stateKey && ++looks === 2) {
      ground.store.get = get;
      await happens();
    }
    return get(key);
  };
}

test('saveSyncInfo of a late cycle keeps the approval and the pending deletes of a later one', async () => {
  await ground.save('run 1');
  meanwhile(async () => {
    await ground.save('run 2', { outcome: 'held', pendingDeletes: HELD });
    await ground.change({ approved: HELD.hash });
  });
  await expect(ground.save('run 1', { considered: 'of yesterday' })).rejects.toMatchObject({
    type: 'Conflict',
  });
  expect(await ground.state()).toMatchObject({
    held: HELD,
    approved: HELD.hash,
    considered: ground.input.considered,
  });
});

test('saveSyncInfo counts the deletes of an interrupted attempt', async () => {
  // Ten could be deleted; one is left, and the last attempt told of two.
  const [left = ''] = PATHS;
  const origin = new Map(PATHS.map((path) => [path, INSIGHT]));
  origin.delete(left);
  const index = await ground.publish(origin);
  await ground.save('run 1', {
    considered: originVersionOf(index, undefined),
    candidates: { 's/': 10 },
    deleted: { 's/': 2 },
  });
  expect(await deletedOfDay()).toBe(9);
});

test('saveSyncInfo keeps an approval that arrives during the save', async () => {
  await ground.save('run 1', { outcome: 'held', pendingDeletes: HELD });
  meanwhile(() => ground.change({ approved: HELD.hash }));
  await ground.save('run 2', { outcome: 'held', pendingDeletes: HELD });
  expect(await ground.state()).toMatchObject({ held: HELD, approved: HELD.hash });
});

test('saveSyncInfo keeps the number of buckets when the origin changes its own during the cycle', async () => {
  const before = await ground.info.readIndex();
  await ground.write(ground.originInfo, 2);
  await ground.save('run 1');
  expect(await ground.info.readIndex()).toEqual(before);
});

test('saveSyncInfo of an unfinished cycle notes no origin index as considered, so that the watch wakes the next one', async () => {
  await ground.save('run 1', { outcome: 'timed-out', finished: false });
  expect(await ground.state()).toMatchObject({ considered: '', last: { outcome: 'timed-out' } });
});

test('saveSyncInfo removes the dirty marker of its own cycle, and not that of a later one', async () => {
  const mark = (): Promise<void> => {
    ground.store.put(ground.info.dirtyMarkerKey, '{"v":1}');
    return Promise.resolve();
  };
  await mark();
  await ground.save('run 1');
  expect(await readDirtyMarker(ground.info)).toBe(0);
  await mark();
  meanwhile(mark);
  await ground.save('run 2');
  expect(await readDirtyMarker(ground.info)).not.toBe(0);
});
