import { bucketId } from './bucket';
import type { Insight } from './insight';
import { DOUBTED_SETTINGS } from './settings';

/** What became of the claims when the ground under them changed. */
export interface ClaimRules {
  /** Of the buckets to come. */
  readonly numBuckets: number;
  /** Where the claimed secret stands: under the configuration with which it was copied. */
  readonly targetBefore: (path: string) => string;
  /** Where it has to stand now. */
  readonly targetNow: (path: string) => string;
  /** What stood at this target is gone, with its Vault or its mount. */
  readonly isGone: (targetBefore: string) => boolean;
  /** The claims may be about other secrets of the same names: their values have to be compared. */
  readonly doubtful: boolean;
  /** The copy ends by itself, and when is not carried over: its value has to be compared. */
  readonly endsItself?: (path: string) => boolean;
  /** Whether the secret is to be copied. A claim of one that is not is doubted, so that its bucket is looked at. */
  readonly wants: (path: string) => boolean;
  /** What stands at this target is the secret itself, because both ends are one place: it is the origin's own. */
  readonly isSame: (target: string, path: string) => boolean;
}

/** How a claim of one kind says that it is not believed. */
export interface Doubts<T> {
  readonly doubted: (claim: T) => T;
  readonly isDoubted: (claim: T) => boolean;
}

/** Of claims about values. */
export const DOUBTS: Doubts<Insight> = { doubted, isDoubted: ({ version }) => version === 0 };

/** Of claims about settings. */
export const SETTINGS_DOUBTS: Doubts<string> = {
  doubted: () => DOUBTED_SETTINGS,
  isDoubted: (claim) => claim === DOUBTED_SETTINGS,
};

/**
 * Carries the claims of a destination over to another number of buckets, other transforms or another Vault. What
 * still stands where it belongs stays claimed, so that it is neither copied nor deleted.
 */
export class ClaimMover<T = Insight> {
  /** The claims by the buckets that they belong to now. Complete when every old bucket was added. */
  readonly buckets: ReadonlyMap<string, T>[];
  /** Secrets that stand where nothing belongs any more: target, and the path at the origin that it was copied for. */
  readonly orphans = new Map<string, string>();
  private readonly moved: Map<string, T>[];
  private readonly pathAt = new Map<string, string>();

  constructor(
    private readonly rules: ClaimRules,
    private readonly doubts: Doubts<T>,
  ) {
    this.moved = Array.from({ length: rules.numBuckets }, () => new Map<string, T>());
    this.buckets = this.moved;
  }

  /**
   * Adds one of the old buckets.
   *
   * @param fits false if it does not fit its index: its claims are doubtful then
   */
  add(bucket: ReadonlyMap<string, T>, fits: boolean): void {
    for (const [path, claim] of bucket) this.addClaim(path, fits ? claim : this.doubts.doubted(claim));
  }

  private addClaim(path: string, claim: T): void {
    const { targetBefore, targetNow, isGone, doubtful, endsItself, wants, isSame } = this.rules;
    const before = targetBefore(path);
    if (isGone(before)) return;
    // Two claims on one place, as an original leaves them: at most one of the values can stand there.
    const sharer = this.pathAt.get(before);
    const isShared = sharer !== undefined && sharer !== path;
    if (isShared) this.doubt(sharer);
    else this.pathAt.set(before, path);
    if (before !== targetNow(path)) {
      if (!isSame(before, path)) this.orphans.set(before, path);
      return;
    }
    // An earlier version claimed what it had only skipped.
    if (isSame(before, path)) return;
    const into = this.bucketOf(path);
    // Of two buckets that name the path, as after a change that was cut off, the doubt wins.
    const known = into?.get(path);
    if (known === undefined || !this.doubts.isDoubted(known))
      into?.set(
        path,
        doubtful || isShared || !wants(path) || endsItself?.(path) === true
          ? this.doubts.doubted(claim)
          : claim,
      );
  }

  private doubt(path: string): void {
    const claim = this.bucketOf(path)?.get(path);
    if (claim !== undefined) this.bucketOf(path)?.set(path, this.doubts.doubted(claim));
  }

  private bucketOf(path: string): Map<string, T> | undefined {
    return this.moved[bucketId(path, this.rules.numBuckets)];
  }
}

/**
 * A claim that is not believed: the secret is compared by value if the origin has it, and is a candidate for a
 * delete if not.
 */
export function doubted(insight: Insight): Insight {
  return { ...insight, version: 0 };
}
