import { hashBucket, parseBucket } from '../../src/sync/bucket';
import type { Insight } from '../../src/sync/insight';
import { parseIndex } from '../../src/sync/sync-index';
import type { SyncFixture } from '../support/sync-fixture';

/**
 * The sync info of one end, by path without mount and "data/", read with plain requests.
 *
 * @throws if a bucket is not the one that the index names
 */
export async function infoView(
  sync: SyncFixture,
  role: 'origin' | 'destination',
): Promise<Map<string, Insight>> {
  const prefix = sync.infoPrefix(role);
  const values = await sync.consul.values(prefix);
  const index = parseIndex(values[`${prefix}index`] ?? '');
  const insights = new Map<string, Insight>();
  for (const [id, hash] of index.entries()) {
    const bucket = parseBucket(values[`${prefix}${id}`] ?? '');
    if (hashBucket(bucket) !== hash) throw new Error(`${prefix}${id} does not fit its index`);
    for (const [path, insight] of bucket) insights.set(path.replace(`${sync.mount}data/`, ''), insight);
  }
  return insights;
}
