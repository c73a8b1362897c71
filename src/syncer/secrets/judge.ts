import { isNamedBy, type Insight, type SecretMetadata } from '../../rules/insight';
import { isLater, readableTime } from '../../rules/time';
import type { DestinationAnswer } from './answer';

/*
 * What the sync info of a destination proves about one secret. Pure. A claim counts only if its bucket fits its index, if
 * the destination's configuration is the one of its last cycle, and if it is of the origin's current version. Everything
 * else is "not yet": a wrong `synced` would let a deploy begin too early.
 */

/** The origin's answer about the secret, read after the question came. */
export type AtOrigin =
  LiveAtOrigin | { readonly is: 'deleted'; readonly version: number } | { readonly is: 'absent' };

/** The origin has a current version: its insight, and the metadata that it comes from. */
export interface LiveAtOrigin {
  readonly is: 'live';
  readonly insight: Insight;
  readonly metadata: SecretMetadata;
}

/** What a destination has recorded about the secret. */
export interface OwnRecord {
  /** Why no claim of this destination counts now. */
  readonly distrust?: string;
  readonly claim?: Insight;
  /** Its bucket names the path, trusted or not: it may have a copy. */
  readonly isNamed: boolean;
  /** When its copy ends by itself, RFC 3339. */
  readonly endsAt?: string;
  /** Why its deletes wait for an approval. */
  readonly held?: string;
}

/** State and detail of a destination. */
export type Judged = Pick<DestinationAnswer, 'state' | 'detail'>;

/**
 * Judges a secret that the origin has.
 *
 * @param nowMs milliseconds since 1970
 * @returns `synced` or `behind`; the caller adds to `behind` what the destination waits for
 */
export function judgeClaim(
  atOrigin: LiveAtOrigin,
  { distrust, claim, endsAt }: OwnRecord,
  nowMs: number,
): Judged {
  if (distrust !== undefined) return { state: 'behind', detail: distrust };
  if (claim === undefined) return { state: 'behind', detail: 'it does not have the secret' };
  if (claim.version === 0) return { state: 'behind', detail: 'it is to compare its copy with the origin' };
  if (isEnded(endsAt, nowMs))
    return {
      state: 'behind',
      detail: `its copy has ended by itself at ${endsAt ?? ''} (delete_version_after)`,
    };
  if (isCurrent(claim, atOrigin)) return { state: 'synced', detail: `has version ${claim.version}` };
  if (isAhead(claim, atOrigin))
    return { state: 'behind', detail: aheadDetail(claim.version, atOrigin.insight.version) };
  const isRecreated = claim.version >= atOrigin.insight.version;
  return {
    state: 'behind',
    detail: `it has version ${claim.version}${isRecreated ? ` of ${claim.updateTime}, from before the secret was created again` : ''}`,
  };
}

/**
 * Whether an insight is of the origin's current version. Not by the version alone, because a secret that was created again
 * counts its versions from 1.
 */
export function isCurrent(claim: Insight, { insight, metadata }: LiveAtOrigin): boolean {
  const found = { live: true, version: insight.version, createdTime: insight.updateTime };
  return isNamedBy(claim, found, metadata);
}

/**
 * Whether an insight is of a newer version than the origin's answer. Either the origin was written after its answer, and a
 * second one shows it; or the origin's own history lacks the version, and nobody knows which value it had.
 */
export function isAhead(claim: Insight | undefined, atOrigin: AtOrigin): boolean {
  if (claim === undefined || atOrigin.is !== 'live') return false;
  const { version, updateTime } = atOrigin.insight;
  return claim.version > version && isLater(claim.updateTime, updateTime);
}

function aheadDetail(claimed: number, answered: number): string {
  return (
    `it has version ${claimed}, and the origin answers with version ${answered}, an older one: the address leads to a ` +
    'standby that lags, or the origin was restored from a backup. If it was restored, write the secret again, or let the ' +
    `next cycles copy version ${answered}`
  );
}

/**
 * Judges an answer of the origin that is older than the version which the asker has written.
 *
 * @param atLeast that version, if it is known
 * @returns undefined if the answer is new enough
 */
export function judgeOlder(atOrigin: AtOrigin, atLeast: number | undefined): Judged | undefined {
  if (atLeast === undefined) return undefined;
  if (atOrigin.is === 'absent')
    return {
      state: 'behind',
      detail: `the origin answers that it has no such secret, not with version ${atLeast}; ${STANDBY}`,
    };
  const version = atOrigin.is === 'live' ? atOrigin.insight.version : atOrigin.version;
  if (version >= atLeast) return undefined;
  return {
    state: 'behind',
    detail: `the origin answers with version ${version}, an older one than ${atLeast}; ${STANDBY}`,
  };
}

const STANDBY = 'a standby may lag';

/** A time that cannot be read counts as passed. */
function isEnded(endsAt: string | undefined, nowMs: number): boolean {
  if (endsAt === undefined) return false;
  const instant = readableTime(endsAt);
  return instant === undefined || instant.seconds * 1000 <= nowMs;
}

/**
 * Judges a secret that the origin does not have.
 *
 * @param isPublished whether the origin's sync info still names it; undefined if that is unknown
 */
export function judgeGone(
  atOrigin: Exclude<AtOrigin, { is: 'live' }>,
  { isNamed, held }: OwnRecord,
  { ignoreDeletes, isPublished }: { ignoreDeletes: boolean; isPublished: boolean | undefined },
): Judged {
  const gone =
    atOrigin.is === 'absent'
      ? 'the origin has no such secret'
      : `version ${atOrigin.version} is deleted at the origin`;
  if (!isNamed) return { state: 'deleted', detail: `${gone}, and this destination has no copy` };
  if (ignoreDeletes)
    return { state: 'deleted', detail: `${gone}; the copy is kept, because ignoreDeletes is on` };
  if (held !== undefined && isPublished !== true)
    return {
      state: 'held',
      detail: `${gone}; the delete of the copy waits for "vsync approve -c FILE": ${held}`,
    };
  return { state: 'deleted', detail: `${gone}; the next cycles delete the copy` };
}
