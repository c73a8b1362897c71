import type { OriginDeps } from '../../src/activities/origin/deps';
import { fetchMetadata } from '../../src/activities/origin/fetch-metadata';
import { WorkPool } from '../../src/concurrency/work-pool';
import { hashBucket, serializeBucket } from '../../src/rules/bucket';
import type { Insight } from '../../src/rules/insight';
import { Staging } from '../../src/sync-info/staging';
import { SyncInfo } from '../../src/sync-info/sync-info';
import type { Kv2 } from '../../src/vault/kv2';
import { kv2Before } from '../support/kv2-before';
import { MemoryStore } from '../support/memory-store';
import { answer, TinyServer } from '../support/tiny-server';

const { signal } = new AbortController();
/** What a feed pass notes. */
const DONE = {
  v: 1,
  fingerprint: '',
  scan: { beganMs: 0, gaps: {}, mounts: {}, partial: 0 },
  handled: {},
};
const INSIGHT: Insight = { version: 1, updateTime: '2026-01-01T00:00:00Z', type: 'kvV2' };
const BUCKET = new Map([['s/data/a', INSIGHT]]);
const INDEX = JSON.stringify([hashBucket(BUCKET)]);

let server: TinyServer;
let vault: Kv2;

beforeAll(async () => {
  server = await TinyServer.start(answer(403, { errors: ['permission denied'] }));
  vault = kv2Before(server);
});
afterAll(async () => {
  await vault.client.close();
  await server.close();
});

/** A secret that cannot be read keeps its last known insight. Without one it would be published as deleted. */
test.each([
  ['does not fit its index', INDEX, serializeBucket(new Map([['s/data/b', INSIGHT]]))],
  ['names the secret and does not fit its index', JSON.stringify(['0'.repeat(64)]), serializeBucket(BUCKET)],
  ['cannot be parsed', INDEX, '<html>'],
  ['is missing', INDEX, undefined],
  ['has no index', undefined, serializeBucket(BUCKET)],
])(
  'fetchMetadata fails, and stages nothing, if a secret cannot be read and its bucket %s',
  async (_what, index, bucket) => {
    const store = new MemoryStore();
    const info = new SyncInfo(store, 'vsync/origin/');
    if (index !== undefined) store.put(info.indexKey, index);
    if (bucket !== undefined) store.put(info.bucketKey(0), bucket);
    const staging = new Staging(store, 'vsync/origin/staging/');
    const chunk = await staging.put({ v: 1, paths: [['s/', ['a']]] });
    const walk = { v: 1, numBuckets: 1, mounts: { 's/': 'uuid' }, unknown: [], chunks: [chunk] };
    const manifest = await staging.put(walk);
    const config = { origin: { mounts: ['s/'], include: [], exclude: [] } };
    const deps = { config, vault, info, staging, room: new WorkPool(() => 1) } as unknown as OriginDeps;
    const input = { v: 1, fingerprint: '', manifest, chunk: 0 } as const;
    const before = store.written.length;
    await expect(fetchMetadata(deps, input, signal, () => undefined)).rejects.toMatchObject({
      type: 'StoredInfoDamaged',
    });
    expect(store.written.slice(before)).toEqual([]);
  },
);

/** The cycle has checked its buckets before. Whoever changed one since then is at work on it. */
test.each([
  ['does not fit its index', INDEX, serializeBucket(new Map([['s/data/b', INSIGHT]]))],
  ['is missing', INDEX, undefined],
  ['has no index', undefined, serializeBucket(BUCKET)],
  [
    'is one of another number of buckets now',
    JSON.stringify([hashBucket(BUCKET), hashBucket(new Map())]),
    serializeBucket(BUCKET),
  ],
])('fetchMetadata of a feed pass reads and stages nothing if its bucket %s', async (_what, index, bucket) => {
  const store = new MemoryStore();
  const info = new SyncInfo(store, 'vsync/origin/');
  if (index !== undefined) store.put(info.indexKey, index);
  if (bucket !== undefined) store.put(info.bucketKey(0), bucket);
  const staging = new Staging(store, 'vsync/origin/staging/');
  const chunks = [await staging.put({ v: 1, paths: [['s/', ['a']]] })];
  const feed = { revision: 0, done: DONE };
  const walk = { v: 1, numBuckets: 1, mounts: { 's/': 'uuid' }, unknown: [], pass: true, feed, chunks };
  const manifest = await staging.put(walk);
  const config = { origin: { mounts: ['s/'], include: [], exclude: [] } };
  const deps = { config, vault, info, staging, room: new WorkPool(() => 1) } as unknown as OriginDeps;
  const input = { v: 1, fingerprint: '', manifest, chunk: 0 } as const;
  const before = store.written.length;
  await expect(fetchMetadata(deps, input, signal, () => undefined)).rejects.toMatchObject({
    type: 'Conflict',
  });
  expect(store.written.slice(before)).toEqual([]);
});
