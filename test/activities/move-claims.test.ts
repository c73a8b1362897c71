import type { DestinationDeps } from '../../src/activities/destination/base/deps';
import { moveClaims } from '../../src/activities/destination/claims/move-claims';
import type { DestinationConfig } from '../../src/config/schema';
import { Orphans } from '../../src/sync-info/orphans';
import { Staging } from '../../src/sync-info/staging';
import { readDestinationState, writeOfState, type DestinationState } from '../../src/sync-info/state';
import { SyncInfo } from '../../src/sync-info/sync-info';
import { bucketId, hashBucket } from '../../src/rules/bucket';
import type { Insight } from '../../src/rules/insight';
import type { TransformRule } from '../../src/rules/transform';
import { MemoryStore } from '../support/memory-store';
import { wholeScope } from '../support/whole-scope';

const { signal } = new AbortController();
const MOUNTS = { 's/': 'uuid' };
const PATHS = Array.from({ length: 300 }, (_, number) => `s/data/${number}`);
const insight = (number: number): Insight => ({
  version: number + 1,
  updateTime: '2026-01-01T00:00:00Z',
  type: 'kvV2',
});

/** A destination's info in a store that can be made to fail, and what moveClaims needs of its deps. */
class Ground {
  readonly store = new MemoryStore();
  readonly info = new SyncInfo(this.store, 'vsync/destination/');
  readonly originInfo = new SyncInfo(this.store, 'vsync/origin/');
  readonly orphans = new Orphans(this.store, 'vsync/destination/orphans/');
  private commits = 0;
  private failAt = Infinity;

  constructor() {
    const commit = this.store.commit.bind(this.store);
    this.store.commit = (writes) => {
      this.commits += 1;
      return this.commits >= this.failAt ? Promise.reject(new Error('cut off')) : commit(writes);
    };
  }

  /** Everything from this commit on fails, as after a kill. */
  cutOffAt(commit: number): void {
    this.commits = 0;
    this.failAt = commit;
  }

  async write(numBuckets: number, state?: Partial<DestinationState>): Promise<void> {
    const buckets = Array.from({ length: numBuckets }, () => new Map<string, Insight>());
    PATHS.forEach((path, number) => buckets[bucketId(path, numBuckets)]?.set(path, insight(number)));
    for (const [id, bucket] of buckets.entries())
      await this.store.commit([this.info.writeOfBucket(id, bucket, 0)]);
    await this.store.commit([this.info.writeOfIndex(buckets.map(hashBucket), 0)]);
    if (state === undefined) return;
    const whole = {
      v: 1,
      name: 'd',
      config: 'now',
      considered: 'x',
      mounts: MOUNTS,
      ownMounts: MOUNTS,
    } as const;
    await this.store.commit([writeOfState(this.info, { ...whole, ...state }, 0)]);
  }

  setOrigin(numBuckets: number): void {
    this.store.put(this.originInfo.indexKey, JSON.stringify(Array<string>(numBuckets).fill('0'.repeat(64))));
  }

  move(transforms: TransformRule[] = []): Promise<{ orphans: number }> {
    const config = { name: 'd', destination: { mounts: ['s/'] } } as unknown as DestinationConfig;
    const parts = { role: 'destination', sides: {}, transforms } as const;
    const scope = wholeScope(transforms);
    const { info, originInfo, orphans } = this;
    const staging = new Staging(this.store, 'vsync/destination/staging/');
    const deps = { config, fingerprint: 'now', parts, info, originInfo, orphans, scope, staging };
    const input = { v: 1, fingerprint: 'now', mounts: MOUNTS, ownMounts: MOUNTS } as const;
    return moveClaims(deps as unknown as DestinationDeps, input, signal);
  }

  /** All claims, each from the bucket where it belongs. */
  async claims(): Promise<Map<string, Insight>> {
    const { index = [] } = await this.info.readIndex();
    const claims = new Map<string, Insight>();
    for (const [id, hash] of index.entries()) {
      const stored = await this.info.readBucket(id);
      expect(stored.hash).toBe(hash);
      for (const [path, claim] of stored.bucket ?? []) {
        expect(bucketId(path, index.length)).toBe(id);
        claims.set(path, claim);
      }
    }
    return claims;
  }
}

const expected = new Map(PATHS.map((path, number) => [path, insight(number)]));

describe('moveClaims', () => {
  it.each([
    [1, 4],
    [4, 1],
    [1, 200],
    [200, 3],
    [150, 100],
  ])('carries all claims from %d into %d buckets', async (from, to) => {
    const ground = new Ground();
    await ground.write(from, {});
    ground.setOrigin(to);
    await ground.move();
    expect(await ground.claims()).toEqual(expected);
    const { state } = await readDestinationState(ground.info);
    expect(state).toMatchObject({ considered: '', config: 'now' });
    expect(state?.moving).toBeUndefined();
    expect(state?.suspended).toBeUndefined();
  });

  it.each([1, 2, 3, 5, 50, 101, 102, 103])(
    'loses no claim when it is cut off at its write %d, and done again',
    async (commit) => {
      for (const [from, to] of [
        [1, 100],
        [100, 70],
      ] as const) {
        const ground = new Ground();
        await ground.write(from, {});
        ground.setOrigin(to);
        ground.cutOffAt(commit);
        await ground.move().catch(() => undefined);
        ground.cutOffAt(Infinity);
        await ground.move();
        expect(await ground.claims()).toEqual(expected);
      }
    },
  );

  it('keeps an approval of a re-created mount from during the cycle', async () => {
    const ground = new Ground();
    await ground.write(2, { mounts: { 's/': 'approved' } });
    ground.setOrigin(4);
    await ground.move();
    const { state } = await readDestinationState(ground.info);
    expect(state?.mounts).toEqual({ 's/': 'approved' });
  });

  it('moves the claims of an original vsync, which has no state', async () => {
    const ground = new Ground();
    await ground.write(19);
    ground.setOrigin(100);
    await ground.move();
    expect(await ground.claims()).toEqual(expected);
  });

  it('makes both claims unverified that an original vsync left on one place', async () => {
    const ground = new Ground();
    await ground.write(2);
    ground.setOrigin(2);
    await ground.move([{ name: 'one', from: '^s/data/(?P<x>7|8)$', to: 's/data/same' }]);
    const unverified = [...(await ground.claims())].filter(([, { version }]) => version === 0);
    expect(unverified.map(([path]) => path).sort()).toEqual(['s/data/7', 's/data/8']);
  });

  it('removes orphans that are claimed again, and suspends deletes', async () => {
    const ground = new Ground();
    await ground.write(2, { config: 'before' });
    ground.setOrigin(2);
    await ground.orphans.add(
      new Map([
        ['s/data/7', 's/data/7'],
        ['s/data/other', 's/data/7'],
      ]),
      '2026-01-01T00:00:00Z',
    );
    await ground.move();
    expect([...(await ground.orphans.read()).keys()]).toEqual(['s/data/other']);
    const { state } = await readDestinationState(ground.info);
    expect(state).toMatchObject({ orphans: { count: 1 }, config: 'now' });
    expect(state?.suspended).toMatch(/^the configuration was changed \(2/);
  });
});
