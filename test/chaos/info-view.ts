import { hashBucket, parseBucket } from '../../src/sync/bucket';
import type { Insight } from '../../src/sync/insight';
import { parseIndex } from '../../src/sync/sync-index';
import type { SyncFixture } from '../support/sync-fixture';
import type { MountTable } from './names';
import type { InfoView } from './witness';

/**
 * The sync info of one end, read with plain requests.
 *
 * @throws if a bucket is not the one that the index names
 */
export async function infoView(
  sync: SyncFixture,
  mounts: MountTable,
  role: 'origin' | 'destination',
): Promise<InfoView> {
  return readInfo(sync, mounts, role, (key) => {
    throw new Error(`${key} does not fit its index`);
  });
}

/** What the destination's info claims, of the buckets that fit its index: the code under test believes no others. */
export async function believedClaims(sync: SyncFixture, mounts: MountTable): Promise<InfoView> {
  return readInfo(sync, mounts, 'destination', () => undefined);
}

async function readInfo(
  sync: SyncFixture,
  mounts: MountTable,
  role: 'origin' | 'destination',
  onMisfit: (key: string) => void,
): Promise<InfoView> {
  const prefix = sync.infoPrefix(role);
  const values = await sync.consul.values(prefix);
  const insights = new Map<string, Insight>();
  const json = values[`${prefix}index`];
  if (json === undefined) return insights;
  for (const [id, hash] of parseIndex(json).entries()) {
    const key = `${prefix}${id}`;
    const text = values[key];
    const bucket = text === undefined ? new Map<string, Insight>() : parseBucket(text);
    if (hashBucket(bucket) !== hash) onMisfit(key);
    else for (const [path, insight] of bucket) insights.set(mounts.nameOf(path), insight);
  }
  return insights;
}
