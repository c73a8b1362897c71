import type { DestinationDeps } from '../../src/activities/destination/base/deps';
import { guardBuckets } from '../../src/activities/destination/deletes/guard-deletes';
import { hashBucket } from '../../src/rules/bucket';
import type { Insight } from '../../src/rules/insight';
import { SyncInfo } from '../../src/sync-info/sync-info';
import { MemoryStore } from '../support/memory-store';
import { wholeScope } from '../support/whole-scope';

const INSIGHT: Insight = { version: 1, updateTime: '2026-01-01T00:00:00Z', type: 'kvV2' };
const bucketOf = (...paths: string[]) => new Map(paths.map((path) => [path, INSIGHT]));

test('guardBuckets names what a bucket of the origin lacks, and nothing while the bucket does not fit its index', async () => {
  const store = new MemoryStore();
  const info = new SyncInfo(store, 'vsync/destination/');
  const originInfo = new SyncInfo(store, 'vsync/origin/');
  const origin = bucketOf('s/data/kept');
  await store.commit([info.writeOfBucket(0, bucketOf('s/data/kept', 's/data/gone'), 0)]);
  await store.commit([originInfo.writeOfBucket(0, origin, 0)]);
  const scope = wholeScope();
  const config = { syncMetadata: false, destination: { deleteExcluded: false } };
  const deps = { info, originInfo, config, scope } as unknown as DestinationDeps;
  const { signal } = new AbortController();
  const guarded = (entry: string) => guardBuckets(deps, [0], { index: [entry] }, signal);
  const gone = { path: 's/data/gone', unwanted: false };
  expect(await guarded(hashBucket(origin))).toMatchObject([{ candidates: [gone] }]);
  expect(await guarded(hashBucket(bucketOf(gone.path)))).toEqual([{ id: 0, secrets: 0, candidates: [] }]);
});
