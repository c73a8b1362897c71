import { bucketId } from './bucket';
import type { Insight } from './insight';
import { UNVERIFIED_SETTINGS } from './settings';

/*
 * Claims are the entries of a destination's sync info: "this version of the origin has arrived here". They hold only
 * where the secrets were written. After a change of configuration, of a mount or of a Vault, they are carried over here.
 */

/** How a claim of one kind is marked as unverified: the values or settings of its secret have to be compared. */
export interface ClaimKind<T> {
  readonly unverified: (claim: T) => T;
  readonly isUnverified: (claim: T) => boolean;
}

export const VALUE_CLAIMS: ClaimKind<Insight> = { unverified, isUnverified: ({ version }) => version === 0 };

export const SETTINGS_CLAIMS: ClaimKind<string> = {
  unverified: () => UNVERIFIED_SETTINGS,
  isUnverified: (claim) => claim === UNVERIFIED_SETTINGS,
};

/** If the origin has the secret, its value is compared; if not, the copy is a candidate for a delete. */
export function unverified(insight: Insight): Insight {
  return { ...insight, version: 0 };
}

/** What has changed since the claims were made. A path is a data path at the origin, a target one at the destination. */
export interface ClaimRules {
  /** Of the new buckets. */
  readonly numBuckets: number;
  /** The target under the configuration with which the secret was copied. */
  readonly targetBefore: (path: string) => string;
  readonly targetNow: (path: string) => string;
  /** The copy at this target is gone, with its Vault or its mount. */
  readonly isGone: (targetBefore: string) => boolean;
  /** The claims may be about other secrets of the same names: every value has to be compared. */
  readonly unverified: boolean;
  /** The copy expires, and when is not carried over: its value has to be compared. */
  readonly endsItself?: (path: string) => boolean;
  /** Whether the secret is to be copied. If not, its claim becomes unverified, so that its bucket differs. */
  readonly wants: (path: string) => boolean;
  /** The target is the secret itself, because both ends are one place: it belongs to the origin. */
  readonly isSame: (target: string, path: string) => boolean;
}

/**
 * Carries the claims of a destination over to another number of buckets, other transforms or another Vault. A claim stays
 * if its copy is still where it belongs, so that the secret is neither copied nor deleted.
 */
export class ClaimMover<T = Insight> {
  /** The claims by the buckets that they belong to now. Complete once every old bucket was added. */
  readonly buckets: Map<string, T>[];
  /** Copies at places where nothing belongs any more: target, and the path that it was copied for. */
  readonly orphans = new Map<string, string>();
  private readonly pathAt = new Map<string, string>();

  constructor(
    private readonly rules: ClaimRules,
    private readonly kind: ClaimKind<T>,
  ) {
    this.buckets = Array.from({ length: rules.numBuckets }, () => new Map<string, T>());
  }

  /** @param fits whether this old bucket fits its index; if not, its claims become unverified */
  add(bucket: ReadonlyMap<string, T>, fits: boolean): void {
    for (const [path, claim] of bucket) this.addClaim(path, fits ? claim : this.kind.unverified(claim));
  }

  private addClaim(path: string, claim: T): void {
    const { targetBefore, targetNow, isGone, endsItself, wants, isSame } = this.rules;
    const before = targetBefore(path);
    if (isGone(before)) return;
    // Two claims on one target, as an original leaves them: at most one of the two values can be there.
    const sharer = this.pathAt.get(before);
    const isShared = sharer !== undefined && sharer !== path;
    if (isShared) this.unverify(sharer);
    else this.pathAt.set(before, path);
    if (before !== targetNow(path)) {
      if (!isSame(before, path)) this.orphans.set(before, path);
      return;
    }
    // The secret is its own copy: nothing was copied, so a claim about it does not hold.
    if (isSame(before, path)) return;
    const into = this.bucketOf(path);
    // Two buckets can name the path after an interrupted change: the unverified claim wins.
    const known = into?.get(path);
    if (known !== undefined && this.kind.isUnverified(known)) return;
    const holds = !this.rules.unverified && !isShared && wants(path) && endsItself?.(path) !== true;
    into?.set(path, holds ? claim : this.kind.unverified(claim));
  }

  private unverify(path: string): void {
    const claim = this.bucketOf(path)?.get(path);
    if (claim !== undefined) this.bucketOf(path)?.set(path, this.kind.unverified(claim));
  }

  private bucketOf(path: string): Map<string, T> | undefined {
    return this.buckets[bucketId(path, this.rules.numBuckets)];
  }
}
