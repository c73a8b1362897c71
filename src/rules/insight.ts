import { compareInstants, instantOfMs, isLater, parseTime } from './time';

/** The only type of secret that vsync knows (wire format of vsync 0.3.0). */
export const KV_V2 = 'kvV2';

/** What is known of one secret. It contains no part of its value. */
export interface Insight {
  /** Current version at the origin, counted from 1. In a destination's info, 0 marks an unverified claim. */
  readonly version: number;
  /**
   * `created_time` of that version, exactly as the origin's Vault wrote it (RFC 3339, nanoseconds). The original
   * publishes `updated_time` of the metadata: the same text on Vault, and a later time on OpenBao after a metadata write.
   */
  readonly updateTime: string;
  /** Always {@link KV_V2}. */
  readonly type: string;
}

/** A secret as it was found at one end, without its value. */
export interface Found {
  /** Whether its current version has a value. */
  readonly live: boolean;
  readonly version: number;
  readonly createdTime: string;
}

/** The part of Vault's answer to `GET <mount>/metadata/<path>` that an insight is made of. */
export interface SecretMetadata {
  /** 0 if the secret has metadata only. */
  readonly current_version: number;
  /** On Vault, `created_time` of the current version. On OpenBao it also moves with each write of metadata. */
  readonly updated_time: string;
  /** By version number as text. */
  readonly versions: Readonly<Record<string, VersionMetadata>>;
}

export interface VersionMetadata {
  readonly created_time: string;
  /** "" if unset, else RFC 3339. May be in the future, for a version that expires. */
  readonly deletion_time: string;
  readonly destroyed: boolean;
}

/** The metadata of a secret contradicts itself: it is unknown whether the secret exists. */
export class MetadataError extends Error {
  override readonly name = 'MetadataError';
}

/**
 * Makes the insight of a secret. The original leaves out a secret whose current version has a deletion time, even one in
 * the future, although it can still be read. Here it is left out only after that time.
 *
 * @returns undefined if there is nothing to copy: metadata only, or the current version is deleted, expired or destroyed
 * @throws MetadataError, or TimeError if the deletion time cannot be read: it is unknown whether the secret exists
 */
export function insightOfMetadata(meta: SecretMetadata, nowMs: number): Insight | undefined {
  const current = meta.versions[String(meta.current_version)];
  if (meta.current_version === 0) return undefined;
  if (current === undefined) {
    const version = `version ${meta.current_version}`;
    throw new MetadataError(`${version} is the current one, and is not among the versions`);
  }
  if (current.destroyed) return undefined;
  if (current.deletion_time !== '') {
    const deletion = parseTime(current.deletion_time);
    if (compareInstants(deletion, instantOfMs(nowMs)) <= 0) return undefined;
  }
  return insightOfVersion(meta.current_version, current.created_time);
}

/** @param createdTime of that version, as Vault wrote it */
export function insightOfVersion(version: number, createdTime: string): Insight {
  return { version, updateTime: createdTime, type: KV_V2 };
}

/**
 * When the current version ends by itself, in milliseconds since 1970; 0 if it does not.
 *
 * @throws TimeError if its deletion time cannot be read
 */
export function endOfMetadata({ current_version, versions }: SecretMetadata): number {
  const { destroyed = true, deletion_time = '' } = versions[String(current_version)] ?? {};
  if (destroyed || deletion_time === '') return 0;
  const { seconds, nanos } = parseTime(deletion_time);
  return seconds * 1000 + Math.ceil(nanos / 1e6);
}

/**
 * Whether an insight has the found version, but a later time. On OpenBao, a write of metadata can cause this. The metadata
 * then show whether the insight is about this version ({@link isNamedBy}).
 */
export function mayBeMetadataWrite(insight: Insight, found: Found): boolean {
  return found.version === insight.version && isLater(insight.updateTime, found.createdTime);
}

/** Whether an insight is about exactly this version. Metadata are read after it, if {@link mayBeMetadataWrite}. */
export function isNamedBy(insight: Insight, found: Found, metadata?: SecretMetadata): boolean {
  if (found.version !== insight.version) return false;
  if (found.createdTime === insight.updateTime) return true;
  // A secret that was created again can have the same version, with another time of creation.
  const current = metadata?.versions[String(metadata.current_version)];
  return (
    metadata?.current_version === found.version &&
    current?.created_time === found.createdTime &&
    mayBeMetadataWrite(insight, found) &&
    !isLater(insight.updateTime, metadata.updated_time)
  );
}

/**
 * The result of comparing one secret at both ends.
 *
 * - `drift`: both have a value, and the values differ although the destination is not behind by its info
 * - `missing`: the destination has no value (`absent`), or its current version is deleted
 * - `changed`: the origin has changed, and the next cycles copy it: since its info was written (`newer`, `gone`), or since
 *   the destination's last cycle (`behind`)
 */
export type Verdict =
  | { readonly kind: 'equal' }
  | { readonly kind: 'drift' }
  | { readonly kind: 'missing'; readonly class: 'absent' | 'deleted' }
  | { readonly kind: 'changed'; readonly class: 'newer' | 'gone' | 'behind' };

export interface Evidence {
  /** Of the origin's info. */
  readonly insight: Insight;
  /** Of the destination's info; undefined if it does not name the secret. */
  readonly claim: Insight | undefined;
  /** Undefined if there is no such secret. */
  readonly atOrigin: Found | undefined;
  readonly atDestination: Found | undefined;
  /** As for {@link isNamedBy}. */
  readonly metadata?: SecretMetadata | undefined;
  /** Whether both ends have a value, and the same one. */
  readonly sameValue: boolean;
}

/**
 * Judges one secret. The caller reads the destination's info before the origin's, and both before the values, so that a
 * running cycle causes no false drift.
 */
export function verdictOf(evidence: Evidence): Verdict {
  const { insight, claim, atOrigin, atDestination, metadata, sameValue } = evidence;
  if (atOrigin?.live !== true) return { kind: 'changed', class: 'gone' };
  if (atDestination?.live === true && sameValue) return { kind: 'equal' };
  if (!isNamedBy(insight, atOrigin, metadata)) return { kind: 'changed', class: 'newer' };
  if (atDestination?.live !== true)
    return { kind: 'missing', class: atDestination === undefined ? 'absent' : 'deleted' };
  // An unverified claim (version 0) is not evidence of what the destination has.
  const isBehind = claim !== undefined && claim.version !== 0 && !isSame(claim, insight);
  return isBehind ? { kind: 'changed', class: 'behind' } : { kind: 'drift' };
}

function isSame(a: Insight, b: Insight): boolean {
  return a.version === b.version && a.updateTime === b.updateTime && a.type === b.type;
}
