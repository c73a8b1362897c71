import {
  endOfMetadata,
  insightOfMetadata,
  insightOfVersion,
  MetadataError,
  type Insight,
} from '../../rules/insight';
import { fingerprintOfSettings, settingsOf } from '../../rules/settings';
import { TimeError } from '../../rules/time';
import type { SecretMetadata } from '../../vault/kv2';
import type { Known, Manifest } from './manifest';

/*
 * What a scan takes of a secret's metadata. A listing with metadata (OpenBao) gives it in listPaths, the metadata of one
 * secret in fetchMetadata: both ways go through here, so that both publish the same.
 */

/**
 * @returns null if there is nothing to publish
 * @throws MetadataError or TimeError: it is unknown whether the secret exists
 */
export function knownOf(
  metadata: SecretMetadata | undefined,
  nowMs: number,
  withSettings: boolean,
): Known | null {
  if (metadata === undefined) return null;
  const insight = insightOfMetadata(metadata, nowMs);
  if (insight === undefined) return null;
  const settings = withSettings ? (fingerprintOfSettings(settingsOf(metadata)) ?? '') : '';
  return [insight.version, insight.updateTime, settings, endOfMetadata(metadata)];
}

/** The same for a listing: 0 if the secret has to be read singly, where its problem is reported. */
export function knownOfListing(
  metadata: SecretMetadata,
  nowMs: number,
  withSettings: boolean,
): Known | null | 0 {
  try {
    return knownOf(metadata, nowMs, withSettings);
  } catch (error) {
    if (error instanceof MetadataError || error instanceof TimeError) return 0;
    throw error;
  }
}

export function insightOfKnown([version, updateTime]: Known): Insight {
  return insightOfVersion(version, updateTime);
}

/**
 * The clock by which versions end. Never earlier than the time until which a feed pass has handled all ends: by the
 * clock of another worker a version could still exist that no later pass reads again.
 */
export function clockOf({ feed }: Pick<Manifest, 'feed'>): () => number {
  const atLeastMs = Math.max(feed?.done.ends?.doneMs ?? 0, feed?.done.scan.beganMs ?? 0);
  return () => Math.max(Date.now(), atLeastMs);
}
