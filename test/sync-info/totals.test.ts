import { bucketId, hashBucket } from '../../src/rules/bucket';
import type { Insight } from '../../src/rules/insight';
import { knownDifference, writeOfKnownDifferences } from '../../src/sync-info/known-differences';
import { SyncInfo } from '../../src/sync-info/sync-info';
import { publishedSecrets, totalsOf, type KnownSizes, type Totals } from '../../src/sync-info/totals';
import { MemoryStore } from '../support/memory-store';

const { signal } = new AbortController();
const insight = (version: number, time = '2026-01-01T00:00:00Z'): Insight => ({
  version,
  updateTime: time,
  type: 'kvV2',
});
const NONE: Totals = { inStep: 0, toAdd: 0, toUpdate: 0, toDelete: 0, retained: 0 };

let store: MemoryStore;
let origin: SyncInfo;
let own: SyncInfo;
beforeEach(() => {
  store = new MemoryStore();
  origin = new SyncInfo(store, 'vsync/origin/');
  own = new SyncInfo(store, 'vsync/destination/');
});

function publish(info: SyncInfo, secrets: Record<string, Insight>, numBuckets = 4): string[] {
  const buckets = Array.from({ length: numBuckets }, () => new Map<string, Insight>());
  for (const [path, found] of Object.entries(secrets)) buckets[bucketId(path, numBuckets)]?.set(path, found);
  buckets.forEach((bucket, id) => {
    store.put(info.bucketKey(id), info.writeOfBucket(id, bucket, 0).value);
  });
  const index = buckets.map(hashBucket);
  store.put(info.indexKey, info.writeOfIndex(index, 0).value);
  return index;
}

const totals = (
  isToBeCopied: (path: string) => boolean = () => true,
  sizes?: KnownSizes,
): Promise<Totals | undefined> => totalsOf({ origin, own, scope: { isToBeCopied } }, signal, sizes);

const PUBLISHED = { 's/a': insight(1), 's/b': insight(2, '2026-01-02T00:00:00Z'), 's/c': insight(1) };
const CLAIMED = { 's/a': insight(1), 's/b': insight(1), 's/gone': insight(1) };

test.each([4, 8])(
  'totalsOf counts each secret once, with %s buckets at the destination',
  async (numBuckets) => {
    publish(origin, PUBLISHED);
    publish(own, CLAIMED, numBuckets);
    expect(await totals()).toEqual({ ...NONE, inStep: 1, toAdd: 1, toUpdate: 1, toDelete: 1 });
  },
);

test('totalsOf counts everything as to add before the first cycle of a destination', async () => {
  publish(origin, PUBLISHED);
  expect(await totals()).toEqual({ ...NONE, toAdd: 3 });
});

test('totalsOf leaves out secrets that the destination does not copy', async () => {
  publish(origin, PUBLISHED);
  publish(own, {});
  expect(await totals((path) => path !== 's/c')).toEqual({ ...NONE, toAdd: 2 });
});

test('totalsOf counts an unverified claim as to update', async () => {
  publish(origin, { 's/a': insight(1) });
  publish(own, { 's/a': insight(0) });
  expect(await totals()).toEqual({ ...NONE, toUpdate: 1 });
});

test('totalsOf counts what a known difference keeps as retained', async () => {
  const [theirs] = publish(origin, { 's/a': insight(1) }, 1);
  const [ours] = publish(own, { 's/a': insight(1), 's/gone': insight(1) }, 1);
  const hashes = (insights: string | undefined) => ({ insights, settings: undefined });
  const known = new Map([[0, knownDifference(hashes(theirs), hashes(ours), 1)]]);
  store.put(own.knownDifferencesKey, writeOfKnownDifferences(own, 'f', known, 0).value);
  const state = { v: 1, name: 'd', config: 'f', considered: '', mounts: {}, ownMounts: {} };
  store.put(own.stateKey, JSON.stringify(state));
  expect(await totals()).toEqual({ ...NONE, inStep: 1, retained: 1 });
});

test('totalsOf is unknown without sync info of the origin, and with a torn bucket', async () => {
  expect(await totals()).toBeUndefined();
  publish(origin, PUBLISHED, 1);
  store.put(origin.bucketKey(0), origin.writeOfBucket(0, new Map([['s/x', insight(9)]]), 0).value);
  expect(await totals()).toBeUndefined();
});

test('totalsOf and publishedSecrets read an unchanged bucket once', async () => {
  publish(origin, PUBLISHED);
  publish(own, PUBLISHED);
  const sizes: KnownSizes = new Map();
  expect(await totals(undefined, sizes)).toEqual({ ...NONE, inStep: 3 });
  const read = jest.spyOn(store, 'get');
  expect(await totals(undefined, sizes)).toEqual({ ...NONE, inStep: 3 });
  expect(await publishedSecrets(origin, signal, sizes)).toBe(3);
  expect(read.mock.calls.filter(([key]) => /\/\d+$/.test(key))).toEqual([]);
});

test('publishedSecrets counts all secrets of an origin; undefined before the first cycle', async () => {
  expect(await publishedSecrets(origin, signal)).toBeUndefined();
  publish(origin, PUBLISHED);
  expect(await publishedSecrets(origin, signal)).toBe(3);
});
