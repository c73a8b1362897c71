import { inParallel } from '../../../concurrency/work-pool';
import { EMPTY_SETTINGS } from '../../../rules/settings';
import { CONSUL_READS } from '../../../limits';
import { commitInfo, conflict } from '../../../sync-info/store';
import type { DestinationDeps } from '../base/deps';
import { readOriginSettings, readOwnSettings } from '../base/settings-indices';

/** The two indices of settings after a save. */
export interface SavedSettings {
  readonly origin: readonly string[];
  readonly own: readonly string[];
  readonly writes: number;
}

/**
 * Saves the index of the settings that were carried over. It is made from what the buckets in Consul contain, as that
 * of the sync info.
 *
 * @param ids of the buckets that the cycle may have written
 * @param revision of the index before the work; undefined if settings are not carried over
 * @returns undefined if they are not, or if the origin's cannot be told now
 * @throws ActivityError `Conflict` if another cycle wrote the index
 */
export async function saveSettingsIndex(
  deps: DestinationDeps,
  { ids, revision, numBuckets }: { ids: readonly number[]; revision: number | undefined; numBuckets: number },
  signal: AbortSignal,
): Promise<SavedSettings | undefined> {
  if (revision === undefined) return undefined;
  const { settings } = deps.info;
  const { index: origin } = await readOriginSettings(deps, numBuckets, signal);
  if (origin === undefined) return undefined;
  const stored = await readOwnSettings(deps, numBuckets, signal);
  const before = stored.index?.length === numBuckets ? stored.index : undefined;
  const own = before === undefined ? new Array<string>(numBuckets).fill(EMPTY_SETTINGS) : [...before];
  const readOne = async (id: number, stop: AbortSignal): Promise<void> => {
    const bucket = await settings.readBucket(id, stop);
    // A value that is not a bucket gets an entry that it does not fit, so it is not trusted.
    own[id] = bucket.revision === 0 ? EMPTY_SETTINGS : (bucket.hash ?? UNREADABLE);
  };
  await inParallel(before === undefined ? [...own.keys()] : ids, signal, readOne, CONSUL_READS);
  if (JSON.stringify(own) === JSON.stringify(before)) return { origin, own, writes: 0 };
  if (stored.revision !== revision) throw conflict(settings.store, settings.indexKey);
  const writes = await commitInfo(settings.store, [settings.writeOfIndex(own, revision)], signal);
  return { origin, own, writes };
}

/** The hash of no bucket. */
const UNREADABLE = '0'.repeat(64);
