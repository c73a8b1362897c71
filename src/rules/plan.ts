import type { Bucket } from './bucket';
import { bytewise } from './paths';
import type { Scope } from './scope';
import type { Insight } from './insight';
import { isLater } from './time';

/** A secret of the origin that is not copied, and why. */
export interface Refused {
  readonly path: string;
  /**
   * - `collision`: another secret of the origin would land on the same path at the destination
   * - `loop`: the copy would be a secret of the origin again, or the secret is itself such a copy
   */
  readonly why: 'collision' | 'loop';
  /** The other secret, the target of this one, or the secret that it is a copy of. */
  readonly with: string;
}

/** What has to be done in one bucket of a destination. Every list is sorted, and no path is in two lists. */
export interface BucketPlan {
  /** Not claimed yet. */
  readonly add: string[];
  /** Newer at the origin. */
  readonly update: string[];
  /** Different, but the origin's is not newer: read both, write only if the values differ. */
  readonly verify: string[];
  readonly refused: Refused[];
  /** Claimed, wanted, and missing in the origin's bucket: a delete, after a question to the origin. */
  readonly gone: string[];
  /** Claimed, and no longer wanted (`include`, `exclude`), whether or not the origin has it. */
  readonly unwanted: string[];
  /** Its own copy, because both ends are one place: never written, deleted or claimed. */
  readonly itself: string[];
}

/** Other secrets of the origin that affect a path. */
export interface Neighbours {
  /** The other secrets with the same target as this one. */
  readonly others: (path: string) => readonly string[];
  /** The secrets with this target. */
  readonly sourcesOf: (target: string) => readonly string[];
}

/**
 * Plans one bucket.
 *
 * @param claims claims of the destination's bucket; empty if the bucket does not fit its index
 * @param named paths that the destination's bucket names, even if it does not fit: if the origin lacks one, it is a
 *   candidate for a delete
 */
export function planBucket(
  origin: Bucket,
  claims: Bucket,
  named: Iterable<string>,
  scope: Scope,
  neighbours: Neighbours,
): BucketPlan {
  const wanted = new Map([...origin].filter(([path]) => scope.isToBeCopied(path)));
  const differences = compareBuckets(wanted, claims);
  const refused: Refused[] = [];
  const allowed = (path: string): boolean => {
    const refusal = refusalOf(path, scope, neighbours);
    if (refusal !== undefined) refused.push(refusal);
    return refusal === undefined;
  };
  const names = [...new Set(named)];
  const left = names.filter((path) => !wanted.has(path) && !scope.isItself(path)).sort(bytewise);
  return {
    add: differences.add.filter(allowed),
    update: differences.update.filter(allowed),
    verify: differences.verify.filter(allowed),
    // After the three above, which fill it.
    refused: refused.sort((a, b) => bytewise(a.path, b.path)),
    gone: left.filter((path) => scope.wants(path)),
    unwanted: left.filter((path) => !scope.wants(path)),
    itself: scope.sharesMounts ? itselfOf(origin, names, scope) : [],
  };
}

function itselfOf(origin: Bucket, names: readonly string[], scope: Scope): string[] {
  const wanted = [...origin.keys()].filter((path) => scope.wants(path));
  return [...new Set([...wanted, ...names])].filter((path) => scope.isItself(path)).sort(bytewise);
}

/** Which paths of an origin's bucket are copied: wanted, with a place at both ends, and not refused. */
export function isCopiedOf(origin: Bucket, scope: Scope, neighbours: Neighbours): (path: string) => boolean {
  return (path) =>
    origin.has(path) &&
    scope.isToBeCopied(path) &&
    scope.placeAtOrigin(path) !== undefined &&
    scope.placeAtDestination(path) !== undefined &&
    refusalOf(path, scope, neighbours) === undefined;
}

function refusalOf(path: string, scope: Scope, { others, sourcesOf }: Neighbours): Refused | undefined {
  if (scope.feedsItself(path)) return { path, why: 'loop', with: scope.target(path) };
  const [other] = others(path);
  if (other !== undefined) return { path, why: 'collision', with: other };
  // In one Vault, a secret at the target of another one is its copy, and is not copied again.
  const source = scope
    .namesAtDestination(path)
    .flatMap((name) => sourcesOf(name))
    .find((other) => other !== path);
  return source === undefined ? undefined : { path, why: 'loop', with: source };
}

/** How a bucket of the origin differs from the destination's. */
export interface Differences {
  /** In the origin only. */
  readonly add: string[];
  /** Newer in the origin. */
  readonly update: string[];
  /** Different, but the origin's is not newer: read both, write only if the values differ. */
  readonly verify: string[];
  /** In the destination only. */
  readonly delete: string[];
}

/**
 * Compares a bucket of the origin with the destination's, in the order of the original (vsync 0.3.0). Some differences the
 * original ignores, so that the buckets differ for ever. Here their paths are verified. Each list is sorted bytewise, and
 * no path is in two lists. Never throws.
 */
export function compareBuckets(origin: Bucket, destination: Bucket): Differences {
  const differences: Differences = { add: [], update: [], verify: [], delete: [] };
  for (const [path, insight] of origin) {
    const change = changeOf(insight, destination.get(path));
    if (change) differences[change].push(path);
  }
  for (const path of destination.keys()) {
    if (!origin.has(path)) differences.delete.push(path);
  }
  for (const paths of Object.values(differences) as string[][]) paths.sort(bytewise);
  return differences;
}

function changeOf(
  origin: Insight,
  destination: Insight | undefined,
): 'add' | 'update' | 'verify' | undefined {
  if (!destination) return 'add';
  // An unverified claim, or a delete that had begun: it is unknown whether the value is still there.
  if (destination.version === 0) return 'update';
  if (origin.type !== destination.type) return 'update';
  if (origin.version > destination.version) return 'update';
  if (origin.version === destination.version && origin.updateTime === destination.updateTime)
    return undefined;
  // Metadata that was deleted and created again counts its versions from 1: only the time shows it.
  return isLater(origin.updateTime, destination.updateTime) ? 'update' : 'verify';
}
