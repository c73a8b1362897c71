import { fits, type StoredBucket } from '../../../sync-info/indexed-buckets';
import { compareBuckets } from '../../../rules/plan';
import { GROUP_SECRETS, MAX_GROUPS } from '../../../limits';
import type { DestinationDeps } from './deps';

/** A differing bucket at both ends. */
export interface BothEnds {
  id: number;
  origin: StoredBucket;
  own: StoredBucket;
}

/** Secrets of one bucket that a copy deals with; of one that is not believed, all that the origin has. An estimate, for no decision. */
export function secretsIn(
  { config, scope }: Pick<DestinationDeps, 'config' | 'scope'>,
  { id, origin, own }: BothEnds,
  index: readonly string[],
  ownIndex: readonly string[] | undefined,
): number {
  if (!fits(origin, index[id])) return 0;
  const wanted = new Map([...origin.bucket].filter(([path]) => scope.isToBeCopied(path)));
  // Where settings are carried over, a bucket may differ in nothing else.
  if (config.syncMetadata || !fits(own, ownIndex?.[id])) return wanted.size;
  const { add, update, verify, delete: gone } = compareBuckets(wanted, own.bucket);
  return add.length + update.length + verify.length + gone.length;
}

/**
 * Few secrets make few groups, many make {@link MAX_GROUPS}; the largest buckets are dealt first, each to the group
 * with the least work, so that no group is long after the others.
 *
 * @param weights id and secrets of each bucket; a bucket costs some requests to Consul even if it has none
 */
export function dealOut(weights: readonly (readonly [id: number, secrets: number])[]): number[][] {
  const total = weights.reduce((sum, [, secrets]) => sum + secrets + 1, 0);
  const count = Math.min(Math.ceil(total / GROUP_SECRETS), MAX_GROUPS, weights.length);
  const groups = Array.from({ length: count }, () => ({ ids: [] as number[], secrets: 0 }));
  for (const [id, secrets] of [...weights].sort((a, b) => b[1] - a[1] || a[0] - b[0])) {
    const lightest = groups.reduce((least, group) => (group.secrets < least.secrets ? group : least));
    lightest.ids.push(id);
    lightest.secrets += secrets + 1;
  }
  return groups.map(({ ids }) => ids);
}
