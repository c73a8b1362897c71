import { hashBucket, parseBucket, parseIndex } from '../../src/rules/bucket';
import type { Insight } from '../../src/rules/insight';
import type { SyncFixture } from '../support/sync-fixture';
import type { InfoView } from './witness';

/**
 * The sync info of one end, read with plain requests.
 *
 * @throws if a bucket is not the one that the index names
 */
export async function infoView(
  sync: SyncFixture,
  role: 'origin' | 'destination',
  nameOf: NameOf = (path) => path.replace(`${sync.mount}data/`, ''),
): Promise<InfoView> {
  return readInfo(sync, role, nameOf, (key) => {
    throw new Error(`${key} does not fit its index`);
  });
}

/** Name of a data path; by default, without mount and "data/". */
type NameOf = (path: string) => string;

/** Claims in buckets that fit the destination's index. The code under test trusts no others. */
export async function believedClaims(sync: SyncFixture, nameOf: NameOf): Promise<InfoView> {
  return readInfo(sync, 'destination', nameOf, () => undefined);
}

async function readInfo(
  sync: SyncFixture,
  role: 'origin' | 'destination',
  nameOf: NameOf,
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
    else for (const [path, insight] of bucket) insights.set(nameOf(path), insight);
  }
  return insights;
}
