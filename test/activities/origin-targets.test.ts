import { OriginTargets } from '../../src/activities/destination/base/origin-targets';
import { SyncInfo } from '../../src/sync-info/sync-info';
import { bucketId, hashBucket, serializeBucket } from '../../src/rules/bucket';
import { compileFilter } from '../../src/rules/filter';
import type { Insight } from '../../src/rules/insight';
import { Scope } from '../../src/rules/scope';
import { compileTransforms } from '../../src/rules/transform';
import { MemoryStore } from '../support/memory-store';

const INSIGHT: Insight = { version: 1, updateTime: '2026-01-01T00:00:00Z', type: 'kvV2' };
const NUM_BUCKETS = 8;

/** An origin's sync info in a store that counts what is read. */
class Origin {
  readonly store = new MemoryStore();
  readonly info = new SyncInfo(this.store, 'vsync/origin/');
  readonly reads: string[] = [];

  constructor() {
    const get = this.store.get.bind(this.store);
    this.store.get = (key) => {
      this.reads.push(key);
      return get(key);
    };
  }

  /** @returns the index */
  publish(paths: readonly string[]): string[] {
    return Array.from({ length: NUM_BUCKETS }, (_, id) => {
      const bucket = new Map(
        paths.filter((path) => bucketId(path, NUM_BUCKETS) === id).map((path) => [path, INSIGHT]),
      );
      this.store.put(this.info.bucketKey(id), serializeBucket(bucket));
      return hashBucket(bucket);
    });
  }
}

const scope = new Scope({
  originMounts: ['s/'],
  destinationMounts: ['s/'],
  transformer: compileTransforms([{ name: 'flat', from: '^s/data/[ab]/(?P<x>.+)$', to: 's/data/x' }]),
  originFilter: compileFilter({ include: [], exclude: [] }),
  filter: compileFilter({ include: [], exclude: ['s/a/out'] }),
  sharedMounts: new Map(),
});
const { signal } = new AbortController();

describe('OriginTargets', () => {
  it('returns the other secrets of a target, without unwanted ones', async () => {
    const origin = new Origin();
    const index = origin.publish(['s/data/a/x', 's/data/b/x', 's/data/a/y', 's/data/a/out', 's/data/b/out']);
    const targets = await new OriginTargets(origin.info, scope, true).load(index, signal);
    expect(targets.complete).toBe(true);
    expect(targets.others('s/data/a/x')).toEqual(['s/data/b/x']);
    expect(targets.others('s/data/b/x')).toEqual(['s/data/a/x']);
    expect(targets.others('s/data/a/y')).toEqual([]);
    expect(targets.others('s/data/b/out')).toEqual([]);
    expect(['s/data/y', 's/data/out', 's/data/a/x'].map(targets.sourcesOf)).toEqual([
      ['s/data/a/y'],
      ['s/data/b/out'],
      [],
    ]);
  });

  it('reads a bucket again only when its entry in the index changed', async () => {
    const origin = new Origin();
    const targets = new OriginTargets(origin.info, scope, true);
    const paths = ['s/data/a/x', 's/data/a/y'];
    await targets.load(origin.publish(paths), signal);
    expect(origin.reads).toHaveLength(NUM_BUCKETS);
    const index = origin.publish([...paths, 's/data/b/x']);
    const [first, second] = await Promise.all([targets.load(index, signal), targets.load(index, signal)]);
    expect(first.others('s/data/a/x')).toEqual(['s/data/b/x']);
    expect(second).toBe(first);
    expect(origin.reads).toHaveLength(NUM_BUCKETS + 1);
  });

  it('is incomplete while a bucket does not fit the index', async () => {
    const origin = new Origin();
    const targets = new OriginTargets(origin.info, scope, true);
    const index = origin.publish(['s/data/a/x']);
    origin.publish(['s/data/a/x', 's/data/a/y']);
    expect((await targets.load(index, signal)).complete).toBe(false);
    // The index catches up.
    expect((await targets.load(origin.publish(['s/data/a/x', 's/data/a/y']), signal)).complete).toBe(true);
  });

  it('reads nothing without transforms, unless all targets are requested', async () => {
    const origin = new Origin();
    const targets = new OriginTargets(origin.info, scope, false);
    const index = origin.publish(['s/data/z']);
    const few = await targets.load(index, signal);
    expect([few.complete, few.others('s/data/z'), few.sourcesOf('s/data/z')]).toEqual([true, [], []]);
    expect(origin.reads).toEqual([]);
    expect((await targets.loadAll(index, signal)).sourcesOf('s/data/z')).toEqual(['s/data/z']);
  });
});
