import { EMPTY_SETTINGS } from '../../../rules/settings';
import type { PathFailure } from '../../../contract/cycle';
import type { StoredIndex } from '../../../sync-info/indexed-buckets';
import type { DestinationDeps } from './deps';

/** What is known of the settings that the origin publishes. */
export interface OriginSettings {
  /** Undefined if settings are not copied, or if the index cannot be used now. */
  readonly index?: readonly string[];
  /** The index is damaged, or being written: the settings of its secrets are unknown now. */
  readonly unknown?: PathFailure;
  /** `syncMetadata` is on here, and the origin publishes no settings. */
  readonly missing?: true;
}

/**
 * Reads the index of the origin's settings; nothing, if they are not carried over. To be read after the index of the
 * sync info: the origin writes it before that one, so that each secret there has its settings here.
 */
export async function readOriginSettings(
  { config, originInfo }: Pick<DestinationDeps, 'config' | 'originInfo'>,
  numBuckets: number,
  signal: AbortSignal,
): Promise<OriginSettings> {
  if (!config.syncMetadata) return {};
  const { settings } = originInfo;
  const { index, revision } = await settings.readIndex(signal);
  if (revision === 0) return { missing: true };
  if (index === undefined) return { unknown: { path: settings.indexKey, class: 'malformed' } };
  if (index.length !== numBuckets) return { unknown: { path: settings.indexKey, class: 'torn-bucket' } };
  return { index };
}

/** The index of what a destination has carried over: one of empty buckets before the first settings are. */
export async function readOwnSettings(
  { info }: Pick<DestinationDeps, 'info'>,
  numBuckets: number,
  signal: AbortSignal,
): Promise<StoredIndex> {
  const stored = await info.settings.readIndex(signal);
  if (stored.revision !== 0) return stored;
  return { ...stored, index: new Array<string>(numBuckets).fill(EMPTY_SETTINGS) };
}

/** What an operator reads who has turned `syncMetadata` on at the destination only. */
export const NO_SETTINGS =
  'syncMetadata is on, and the origin publishes no settings of secrets: turn it on there too; an original vsync has none';
