import { GROUP_SECRETS, MAX_GROUPS } from '../../../limits';

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
