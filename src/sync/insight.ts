import { MetadataError } from './errors';
import { compareInstants, instantOfMs, parseTime } from './time';

export { compareTimes } from './time';

/** The only type of secret that vsync knows (wire format of vsync 0.3.0). */
export const KV_V2 = 'kvV2';

/** What sync info says about one secret. It holds no part of the secret itself. */
export interface Insight {
  /** Current version at the origin, counted from 1. In a destination's info, 0 marks a delete in progress. */
  readonly version: number;
  /** `updated_time` of the origin's metadata, exactly as its Vault wrote it (RFC 3339, nanoseconds). */
  readonly updateTime: string;
  /** Kind of secrets engine: always {@link KV_V2}. */
  readonly type: string;
}

/** The part of Vault's answer to `GET <mount>/metadata/<path>` that an insight is made of. */
export interface SecretMetadata {
  /** 0 if the secret has metadata only. */
  readonly current_version: number;
  /** RFC 3339 with nanoseconds. Does not change on delete, undelete or destroy. */
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
  return { version: meta.current_version, updateTime: meta.updated_time, type: KV_V2 };
}
