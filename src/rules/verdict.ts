import { isNamedBy, type Insight, type SecretMetadata } from './insight';

/**
 * What a comparison of both ends says about one secret.
 *
 * - `equal`: both have the same value
 * - `drift`: both have a value, and they differ although the destination's info does not say that it is behind
 * - `missing`: the destination has none, or its current version is deleted
 * - `changed`: the origin moved on, and the next cycles deal with it: since its info was written (`newer`, `gone`),
 *   or since the destination's last cycle (`behind`)
 */
export type Verdict =
  | { readonly kind: 'equal' }
  | { readonly kind: 'drift' }
  | { readonly kind: 'missing'; readonly class: 'absent' | 'deleted' }
  | { readonly kind: 'changed'; readonly class: 'newer' | 'gone' | 'behind' };

/** A secret as it was found at one end, without its value. */
export interface Found {
  /** Whether its current version has a value. */
  readonly live: boolean;
  readonly version: number;
  readonly createdTime: string;
}

/** What is known of one secret. */
export interface Evidence {
  /** What the origin's info says. */
  readonly insight: Insight;
  /** What the destination's info claims; undefined if it does not name the secret. */
  readonly claim: Insight | undefined;
  /** Undefined if there is none. */
  readonly atOrigin: Found | undefined;
  readonly atDestination: Found | undefined;
  /** Of the origin, read after its version; needed only where the insight's time is later than that of its version. */
  readonly metadata?: SecretMetadata | undefined;
  /** Of the two values, if both are there. */
  readonly sameValue: boolean;
}

/**
 * Judges one secret. The destination's info must have been read before the origin's, and both before the values: what
 * is claimed as the origin's insight then stood at the destination before it was looked at.
 */
export function verdictOf(evidence: Evidence): Verdict {
  const { insight, claim, atOrigin, atDestination, metadata, sameValue } = evidence;
  if (atOrigin?.live !== true) return { kind: 'changed', class: 'gone' };
  if (atDestination?.live === true && sameValue) return { kind: 'equal' };
  if (!isNamedBy(insight, atOrigin, metadata)) return { kind: 'changed', class: 'newer' };
  if (atDestination?.live !== true)
    return { kind: 'missing', class: atDestination === undefined ? 'absent' : 'deleted' };
  // A claim in doubt (version 0) says nothing about what stands there.
  const isBehind = claim !== undefined && claim.version !== 0 && !isSame(claim, insight);
  return isBehind ? { kind: 'changed', class: 'behind' } : { kind: 'drift' };
}

function isSame(a: Insight, b: Insight): boolean {
  return a.version === b.version && a.updateTime === b.updateTime && a.type === b.type;
}
