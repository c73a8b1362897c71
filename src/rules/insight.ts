import { MetadataError } from './errors';
import { compareInstants, instantOfMs, isLater, parseTime } from './time';
import type { Found } from './verdict';

export { compareTimes } from './time';

/** The only type of secret that vsync knows (wire format of vsync 0.3.0). */
export const KV_V2 = 'kvV2';

/** What sync info says about one secret. It holds no part of the secret itself. */
export interface Insight {
  /** Current version at the origin, counted from 1. In a destination's info, 0 marks a delete in progress. */
  readonly version: number;
  /**
   * `created_time` of that version, exactly as the origin's Vault wrote it (RFC 3339, nanoseconds). The original
   * publishes `updated_time` of the metadata: the same text on Vault, and a later time on OpenBao after a metadata write.
   */
  readonly updateTime: string;
  /** Kind of secrets engine: always {@link KV_V2}. */
  readonly type: string;
}

/** The part of Vault's answer to `GET <mount>/metadata/<path>` that an insight is made of. */
export interface SecretMetadata {
  /** 0 if the secret has metadata only. */
  readonly current_version: number;
  /**
   * RFC 3339 with nanoseconds. On Vault, `created_time` of the current version. On OpenBao it also moves with each
   * write of metadata. Does not change on delete, undelete or destroy.
   */
  readonly updated_time: string;
  /** By version number as text. */
  readonly versions: Readonly<Record<string, VersionMetadata>>;
}

export interface VersionMetadata {
  /** RFC 3339 with nanoseconds. */
  readonly created_time: string;
  /** "" if unset, else RFC 3339. May lie in the future: an expiry that has not come yet. */
  readonly deletion_time: string;
  readonly destroyed: boolean;
}

/**
 * Makes the insight of a secret, or undefined if there is nothing to copy: metadata only, or the current
 * version is deleted, expired or destroyed.
 *
 * The original (vsync 0.3.0) leaves out every secret whose current version has any deletion time, also one in
 * the future, although the secret can still be read. Here it is left out only when that time has passed.
 *
 * @param nowMs milliseconds since 1970, to tell whether a deletion time has passed
 * @throws MetadataError if the current version is not among the versions
 * @throws TimeError if the deletion time cannot be read: then it is unknown whether the secret is there
 */
export function insightOfMetadata(meta: SecretMetadata, nowMs: number): Insight | undefined {
  const current = meta.versions[String(meta.current_version)];
  if (meta.current_version === 0) return undefined;
  if (current === undefined) {
    throw new MetadataError(
      `version ${meta.current_version} is the current one, and is not among the versions`,
    );
  }
  if (current.destroyed) return undefined;
  if (current.deletion_time !== '') {
    const deletion = parseTime(current.deletion_time);
    if (compareInstants(deletion, instantOfMs(nowMs)) <= 0) return undefined;
  }
  return { version: meta.current_version, updateTime: current.created_time, type: KV_V2 };
}

/**
 * Whether an insight may be about another version than the one that was found only because of its time: the version
 * is the same, and the insight's time is later. The metadata then show what the time belongs to ({@link isNamedBy}).
 */
export function mayBeMetadataWrite(insight: Insight, found: Found): boolean {
  return found.version === insight.version && isLater(insight.updateTime, found.createdTime);
}

/**
 * Whether an insight is about exactly this version of a secret.
 *
 * @param metadata of the secret, read after the version; needed only if {@link mayBeMetadataWrite}
 */
export function isNamedBy(insight: Insight, found: Found, metadata?: SecretMetadata): boolean {
  if (found.version !== insight.version) return false;
  if (found.createdTime === insight.updateTime) return true;
  // A secret that was made anew has the version again, and another time of creation.
  const current = metadata?.versions[String(metadata.current_version)];
  return (
    metadata?.current_version === found.version &&
    current?.created_time === found.createdTime &&
    mayBeMetadataWrite(insight, found) &&
    !isLater(insight.updateTime, metadata.updated_time)
  );
}
