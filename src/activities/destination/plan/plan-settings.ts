import { readOwnBucket, SETTINGS, unverifiedClaims } from '../../../sync-info/ledger';
import type { DestinationDeps } from '../base/deps';
import { readOriginSettings, readOwnSettings } from '../base/settings-indices';
import { fits } from '../../../sync-info/indexed-buckets';
import type { Bucket } from '../../../rules/bucket';
import { isCopiedOf } from '../../../rules/plan';
import {
  differingSettings,
  UNVERIFIED_SETTINGS,
  unverifiedSettings,
  type SettingsBucket,
} from '../../../rules/settings';
import type { Targets } from '../base/origin-targets';
import type { Put } from './plan-deletes';

/** What a plan knows of the settings of secrets. */
export interface PlannedSettings {
  /** Index of the origin's. */
  readonly index: readonly string[];
  /** What the destination's info would say of a bucket when the cycle comes to it. */
  readonly claims: (id: number, origin: Bucket) => Promise<SettingsBucket>;
}

/**
 * @param moved the claims, where they would be moved first
 * @returns undefined if settings are not carried over, or the origin's cannot be told now
 */
export async function plannedSettings(
  deps: DestinationDeps,
  numBuckets: number,
  moved: readonly SettingsBucket[] | undefined,
  signal: AbortSignal,
): Promise<PlannedSettings | undefined> {
  const { index } = await readOriginSettings(deps, numBuckets, signal);
  if (index === undefined) return undefined;
  if (moved !== undefined)
    return { index, claims: (id) => Promise.resolve(moved[id] ?? new Map<string, never>()) };
  const own = await readOwnSettings(deps, numBuckets, signal);
  return {
    index,
    claims: async (id, origin) => {
      const stored = await readOwnBucket(SETTINGS, deps.info.settings, id, signal);
      if (fits(stored, own.index?.[id])) return stored.bucket;
      const named = stored.revision === 0 ? undefined : stored.bucket;
      return named === undefined ? unverifiedSettings(origin.keys()) : unverifiedClaims(SETTINGS, named);
    },
  };
}

/** Puts those secrets of a bucket into the plan whose settings would be carried over. */
export async function planSettings(
  deps: DestinationDeps,
  { index, claims }: PlannedSettings,
  { id, origin, targets }: { id: number; origin: Bucket; targets: Targets },
  put: Put,
  signal: AbortSignal,
): Promise<void> {
  const { originInfo, scope } = deps;
  const theirs = await originInfo.settings.readBucket(id, signal);
  if (!fits(theirs, index[id])) {
    const why = 'these settings of the origin do not fit their index: they are skipped';
    put('hold', originInfo.settings.bucketKey(id), why);
    return;
  }
  const { bucket } = theirs;
  const own = await claims(id, origin);
  for (const path of differingSettings(bucket, own, isCopiedOf(origin, scope, targets))) {
    if (own.get(path) === UNVERIFIED_SETTINGS) put('settings', path, 'what is known of them is in doubt');
    else if (bucket.has(path)) put('settings', path, 'they are others than those that were carried over');
    else put('settings', path, 'they went back to the defaults');
  }
}
