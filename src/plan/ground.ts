import pLimit from 'p-limit';
import { CONSUL_READS } from '../activities/limits';
import type { DestinationDeps } from '../activities/destination/deps';
import type { Targets } from '../activities/destination/origin-targets';
import { type DestinationState } from '../consul/state';
import { type Bucket } from '../sync/bucket';
import type { SettingsGround } from './plan-settings';

/** What the destination's info would say of a bucket when the cycle comes to it. */
export interface OwnBucket {
  id: number;
  named: Bucket;
  trusted: boolean;
}

/** What a plan is made from: everything is read before the first decision. */
export interface Ground {
  own: readonly OwnBucket[];
  index: readonly string[];
  targets: Targets;
  mounts: Record<string, string>;
  state: DestinationState | undefined;
  suspended: string | undefined;
  /** Undefined if settings are not carried over. */
  settings: SettingsGround | undefined;
}

/** The destination's buckets as they stand. */
export async function readOwn(
  { info }: DestinationDeps,
  ids: readonly number[],
  signal: AbortSignal,
): Promise<OwnBucket[]> {
  const { index } = await info.readIndex(signal);
  const limit = pLimit(CONSUL_READS);
  return Promise.all(
    ids.map((id) =>
      limit(async () => {
        const { bucket, hash } = await info.readBucket(id, signal);
        return {
          id,
          named: bucket ?? new Map<string, never>(),
          trusted: hash !== undefined && hash === index?.[id],
        };
      }),
    ),
  );
}

/** All paths that the destination is known to have. */
export async function knownPaths(deps: DestinationDeps, signal: AbortSignal): Promise<string[]> {
  const { index } = await deps.info.readIndex(signal);
  const buckets = await readOwn(deps, [...(index ?? []).keys()], signal);
  return buckets.flatMap(({ named }) => [...named.keys()]);
}
