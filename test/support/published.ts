import { hashBucket, parseBucket, parseIndex } from '../../src/rules/bucket';
import type { Insight } from '../../src/rules/insight';
import { hashSettingsBucket, parseSettingsBucket } from '../../src/rules/settings';
import type { SyncFixture } from './sync-fixture';

/** The whole sync info of a role. Paths are without mount and "data/". */
export interface Published {
  numBuckets: number;
  insights: Record<string, Insight>;
  /** Undefined if there is no key below `meta/`. */
  settings: Record<string, string> | undefined;
}

/** Reads sync info without the code under test. @throws if a bucket does not fit its index */
export async function publishedBy(
  sync: SyncFixture,
  role: 'origin' | 'destination' = 'origin',
): Promise<Published> {
  const prefix = sync.infoPrefix(role);
  const values = await sync.consul.values(prefix);
  const index = parseIndex(values[`${prefix}index`] ?? '');
  const read = <T>(
    below: string,
    parse: (json: string) => Map<string, T>,
    hash: (bucket: Map<string, T>) => string,
  ): Record<string, T> => {
    const hashes = parseIndex(values[`${prefix}${below}index`] ?? '');
    expect(hashes).toHaveLength(index.length);
    const buckets = hashes.map((_, id) => parse(values[`${prefix}${below}${id}`] ?? ''));
    expect(buckets.map(hash)).toEqual(hashes);
    const entries = buckets.flatMap((bucket) => [...bucket]);
    return Object.fromEntries(
      entries.map(([path, entry]) => [path.replace(`${sync.mount}data/`, ''), entry]),
    );
  };
  const hasSettings = Object.keys(values).some((key) => key.startsWith(`${prefix}meta/`));
  return {
    numBuckets: index.length,
    insights: read('', parseBucket, hashBucket),
    settings: hasSettings ? read('meta/', parseSettingsBucket, hashSettingsBucket) : undefined,
  };
}
