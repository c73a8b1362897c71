import type { DestinationDeps } from '../base/deps';
import type { Targets } from '../base/origin-targets';
import { readBuckets, fits } from '../../../sync-info/indexed-buckets';
import { type DestinationState } from '../../../sync-info/state';
import { type Bucket } from '../../../rules/bucket';
import type { PlannedSettings } from './plan-settings';

/** What the destination's info would say of a bucket when the cycle comes to it. */
export interface OwnBucket {
  id: number;
  named: Bucket;
  trusted: boolean;
}

/** What a plan is made from: everything is read before the first decision. */
export interface PlanInputs {
  own: readonly OwnBucket[];
  index: readonly string[];
  targets: Targets;
  mounts: Record<string, string>;
  state: DestinationState | undefined;
  suspended: string | undefined;
  /** Copies may have ended by themselves. */
  lookAtExpiries: boolean;
  /** Undefined if settings are not carried over. */
  settings: PlannedSettings | undefined;
}

/** The destination's buckets as they stand. */
export async function readOwn(
  { info }: DestinationDeps,
  ids: readonly number[],
  signal: AbortSignal,
): Promise<OwnBucket[]> {
  const { index } = await info.readIndex(signal);
  return [...(await readBuckets(info, ids, signal))].map(([id, stored]) => ({
    id,
    named: stored.bucket ?? new Map<string, never>(),
    trusted: fits(stored, index?.[id]),
  }));
}
