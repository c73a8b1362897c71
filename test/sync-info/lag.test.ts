import fc from 'fast-check';
import { bucketId, hashBucket } from '../../src/rules/bucket';
import type { Insight } from '../../src/rules/insight';
import { knownDifference, writeOfKnownDifferences } from '../../src/sync-info/known-differences';
import { isBehind, lagOf, type Lag } from '../../src/sync-info/lag';
import { SyncInfo } from '../../src/sync-info/sync-info';
import { MemoryStore } from '../support/memory-store';
import { wholeScope } from '../support/whole-scope';

type Secrets = ReadonlyMap<string, Insight>;

const { signal } = new AbortController();
const NOW = Date.parse('2026-01-01T01:00:00Z');
const insight = (version: number, time = '2026-01-01T00:00:00Z'): Insight => ({
  version,
  updateTime: time,
  type: 'kvV2',
});

let store: MemoryStore;
let origin: SyncInfo;
let own: SyncInfo;
beforeEach(() => {
  store = new MemoryStore();
  origin = new SyncInfo(store, 'vsync/origin/');
  own = new SyncInfo(store, 'vsync/destination/');
});

function bucketsOf(secrets: Secrets, numBuckets: number): Map<string, Insight>[] {
  const buckets = Array.from({ length: numBuckets }, () => new Map<string, Insight>());
  for (const [path, found] of secrets) buckets[bucketId(path, numBuckets)]?.set(path, found);
  return buckets;
}

function publish(info: SyncInfo, secrets: Secrets, numBuckets = 4): string[] {
  const buckets = bucketsOf(secrets, numBuckets);
  buckets.forEach((bucket, id) => {
    store.put(info.bucketKey(id), info.writeOfBucket(id, bucket, 0).value);
  });
  const index = buckets.map(hashBucket);
  store.put(info.indexKey, info.writeOfIndex(index, 0).value);
  return index;
}

const lag = (isToBeCopied: (path: string) => boolean = () => true): Promise<Lag | undefined> =>
  lagOf({ origin, own, scope: { isToBeCopied } }, signal, () => NOW);

test('lagOf is 0 where the destination claims everything, and reads only the indices for it', async () => {
  publish(origin, new Map([['s/data/a', insight(1)]]));
  publish(own, new Map([['s/data/a', insight(1)]]));
  const read = jest.spyOn(store, 'get');
  expect(await lag()).toEqual({ ms: 0, secrets: 0 });
  const keys = read.mock.calls.map(([key]) => key);
  expect(keys.filter((key) => /\/\d+$/.test(key))).toEqual([]);
});

test.each<[what: string, claim: Insight | undefined, isLate: boolean]>([
  ['missing', undefined, true],
  ['older', insight(1, '2025-12-31T00:00:00Z'), true],
  ['unverified', insight(0), true],
  ['of a secret that was created again', insight(2, '2025-12-31T00:00:00Z'), true],
  ['the same', insight(2), false],
  ['later', insight(3, '2026-01-01T00:00:01Z'), false],
])('isBehind with a claim that is %s', (_what, claim, isLate) => {
  expect(isBehind(insight(2), claim)).toBe(isLate);
});

test('lagOf is the age of the oldest change, to the nanosecond, over time zones', async () => {
  publish(
    origin,
    new Map([
      ['s/data/a', insight(1, '2026-01-01T00:30:00.000000002Z')],
      ['s/data/b', insight(1, '2026-01-01T01:30:00.000000001+01:00')],
      ['s/data/c', insight(1, 'no time')],
    ]),
  );
  expect(await lag()).toEqual({ ms: 1_800_000, secrets: 3, since: '2026-01-01T01:30:00.000000001+01:00' });
});

test('lagOf is 0 if the clock of the origin is ahead, and still counts the secret', async () => {
  const since = '2026-01-01T02:00:00Z';
  publish(origin, new Map([['s/data/a', insight(1, since)]]));
  expect(await lag()).toEqual({ ms: 0, secrets: 1, since });
});

test('lagOf leaves out what the destination does not copy', async () => {
  publish(origin, new Map([['s/data/a', insight(1)]]));
  expect(await lag((path) => path !== 's/data/a')).toEqual({ ms: 0, secrets: 0 });
  expect(await lag((path) => wholeScope().isToBeCopied(path))).toMatchObject({ secrets: 1 });
});

test('lagOf leaves out buckets that differ on purpose, until one of the two changes', async () => {
  const state = { v: 1, name: 'n', config: 'c', considered: '', mounts: {}, ownMounts: {} };
  const index = publish(origin, new Map([['s/data/a', insight(1)]]), 1);
  const ownIndex = publish(own, new Map(), 1);
  store.put(own.stateKey, JSON.stringify(state));
  const hashes = (hash: string | undefined) => ({ insights: hash, settings: 'settings' });
  const known = new Map([[0, knownDifference(hashes(index[0]), hashes(ownIndex[0]), 1)]]);
  await store.commit([writeOfKnownDifferences(own, 'c+keep', known, 0)]);
  expect(await lag()).toEqual({ ms: 0, secrets: 0 });
  store.put(own.stateKey, JSON.stringify({ ...state, config: 'another' }));
  expect(await lag()).toMatchObject({ secrets: 1 });
  store.put(own.stateKey, JSON.stringify(state));
  publish(origin, new Map([['s/data/a', insight(2)]]), 1);
  expect(await lag()).toMatchObject({ secrets: 1 });
});

test('lagOf is unknown without an index of the origin, and while a bucket does not fit it', async () => {
  expect(await lag()).toBeUndefined();
  publish(origin, new Map([['s/data/a', insight(1)]]), 1);
  store.put(origin.bucketKey(0), origin.writeOfBucket(0, new Map(), 0).value);
  expect(await lag()).toBeUndefined();
});

const secrets = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 1, max: 3 })), { maxLength: 15 })
  .map((found) => new Map(found.map(([name, version]) => [`s/data/${name}`, insight(version)])));

test('lagOf counts what is behind, whatever the numbers of buckets, and nothing of what is claimed', async () => {
  await fc.assert(
    fc.asyncProperty(secrets, secrets, fc.constantFrom(1, 3, 4), async (theirs, ours, ownBuckets) => {
      store.values.clear();
      publish(origin, theirs);
      publish(own, ours, ownBuckets);
      const behind = [...theirs].filter(([path, found]) => isBehind(found, ours.get(path)));
      expect(await lag()).toMatchObject({ secrets: behind.length });
      publish(own, theirs, ownBuckets);
      expect(await lag()).toEqual({ ms: 0, secrets: 0 });
    }),
    { numRuns: 60 },
  );
});
