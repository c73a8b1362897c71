import { bucketId, type Bucket } from './bucket';
import type { Insight } from './insight';
import type { SettingsBucket } from './settings-bucket';
import { DOUBTED_SETTINGS } from './settings-plan';

/** What became of a claim when the ground under it changed. */
export interface ClaimRules {
  /** Of the buckets to come. */
  readonly numBuckets: number;
  /** Where the claimed secret stands: under the configuration with which it was copied. */
  readonly targetBefore: (path: string) => string;
  /** Where it has to stand now. */
  readonly targetNow: (path: string) => string;
  /** What stood at this target is gone, with its Vault or its mount. */
  readonly isGone: (targetBefore: string) => boolean;
  /** The claim may be about another secret of the same name: its value has to be compared. */
  readonly doubtful: boolean;
}

export interface MovedClaims<T = Insight> {
  readonly buckets: ReadonlyMap<string, T>[];
  /** Secrets that stand where nothing belongs any more: target, and the path at the origin that it was copied for. */
  readonly orphans: ReadonlyMap<string, string>;
}

/**
 * Carries the claims of a destination over to another number of buckets, other transforms or another Vault. What
 * still stands where it belongs stays claimed, so that it is neither copied nor deleted.
 *
 * @param buckets with `fits` false if the bucket does not fit its index: its claims are doubtful then
 */
export function moveClaims(
  buckets: Iterable<{ readonly bucket: Bucket; readonly fits: boolean }>,
  rules: ClaimRules,
): MovedClaims {
  return move(buckets, rules, { doubted, isDoubted: ({ version }) => version === 0 });
}

/** As {@link moveClaims}, for what is claimed of the settings of the same secrets. */
export function moveSettingsClaims(
  buckets: Iterable<{ readonly bucket: SettingsBucket; readonly fits: boolean }>,
  rules: ClaimRules,
): MovedClaims<string> {
  const isDoubted = (claim: string): boolean => claim === DOUBTED_SETTINGS;
  return move(buckets, rules, { doubted: () => DOUBTED_SETTINGS, isDoubted });
}

function move<T>(
  buckets: Iterable<{ readonly bucket: ReadonlyMap<string, T>; readonly fits: boolean }>,
  rules: ClaimRules,
  doubts: { readonly doubted: (claim: T) => T; readonly isDoubted: (claim: T) => boolean },
): MovedClaims<T> {
  const moved = Array.from({ length: rules.numBuckets }, () => new Map<string, T>());
  const orphans = new Map<string, string>();
  for (const { bucket, fits } of buckets) {
    for (const [path, claimed] of bucket) {
      const before = rules.targetBefore(path);
      if (rules.isGone(before)) continue;
      if (before !== rules.targetNow(path)) {
        orphans.set(before, path);
        continue;
      }
      const claim = fits && !rules.doubtful ? claimed : doubts.doubted(claimed);
      const into = moved[bucketId(path, rules.numBuckets)];
      // Of two buckets that name the path, as after a change that was cut off, the doubt wins.
      const known = into?.get(path);
      if (known === undefined || !doubts.isDoubted(known)) into?.set(path, claim);
    }
  }
  return { buckets: moved, orphans };
}

/**
 * A claim that is not believed: the secret is compared by value if the origin has it, and is a candidate for a
 * delete if not.
 */
export function doubted(insight: Insight): Insight {
  return { ...insight, version: 0 };
}
