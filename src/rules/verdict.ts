import { isNamedBy, type Found, type Insight, type SecretMetadata } from './insight';

/**
 * The result of comparing one secret at both ends.
 *
 * - `equal`: both have the same value
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

/** What is known of one secret. */
export interface Evidence {
  /** Of the origin's info. */
  readonly insight: Insight;
  /** Of the destination's info; undefined if it does not name the secret. */
  readonly claim: Insight | undefined;
  /** Undefined if there is no such secret. */
  readonly atOrigin: Found | undefined;
  readonly atDestination: Found | undefined;
  /** Of the origin, read after its version. Needed only if the insight's time is later than that of the version. */
  readonly metadata?: SecretMetadata | undefined;
  /** Whether both ends have a value, and the same one. */
  readonly sameValue: boolean;
}

/**
 * Judges one secret. The caller reads the destination's info before the origin's, and both before the values. So what the
 * destination claims had arrived before its value was read, and a running cycle causes no false drift.
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
