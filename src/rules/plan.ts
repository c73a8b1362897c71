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
   * - `loop`: what would be written is a secret of the origin again, or this one is itself such a copy
   */
  readonly why: 'collision' | 'loop';
  /** The other secret, where this one would be written, or what it is a copy of. */
  readonly with: string;
}

/** What a destination has to do about the secrets of one bucket. Every list is sorted, no path is in two of them. */
export interface BucketPlan {
  /** Not claimed yet. */
  readonly add: string[];
  /** Newer at the origin. */
  readonly update: string[];
  /** Different, but the origin's is not newer: read both, write only if the values differ. */
  readonly verify: string[];
  readonly refused: Refused[];
  /** Claimed, wanted, and missing in the origin's bucket: to be asked at the origin, then deleted. */
  readonly gone: string[];
  /** Claimed, and not wanted any more (`include`, `exclude`), whatever the origin has. */
  readonly unwanted: string[];
  /** Its own copy, because both ends are one place: neither written nor deleted, and never claimed. */
  readonly itself: string[];
}

/** What else of the origin has to do with a path. */
export interface Neighbours {
  /** Other secrets of the origin that would land where this one does. */
  readonly others: (path: string) => readonly string[];
  /** Secrets of the origin that belong at this data path of the destination. */
  readonly owners: (target: string) => readonly string[];
}

/**
 * Plans one bucket.
 *
 * @param claims what the destination's info says that it has; of a bucket that is not believed, nothing
 * @param named paths that the destination's bucket names, believed or not: what it names and the origin lacks is
 *   a candidate for a delete
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
  const [add, update, verify] = [differences.add, differences.update, differences.verify].map((paths) =>
    paths.filter(allowed),
  ) as [string[], string[], string[]];
  const names = [...new Set(named)];
  const left = names.filter((path) => !wanted.has(path) && !scope.isItself(path)).sort(bytewise);
  return {
    add,
    update,
    verify,
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

/** Tells which paths of a bucket of the origin are copied: wanted, with a place at either end, and not refused. */
export function isCopiedOf(origin: Bucket, scope: Scope, neighbours: Neighbours): (path: string) => boolean {
  return (path) =>
    origin.has(path) &&
    scope.isToBeCopied(path) &&
    scope.placeAtOrigin(path) !== undefined &&
    scope.placeAtDestination(path) !== undefined &&
    refusalOf(path, scope, neighbours) === undefined;
}

function refusalOf(path: string, scope: Scope, { others, owners }: Neighbours): Refused | undefined {
  if (scope.feedsItself(path)) return { path, why: 'loop', with: scope.target(path) };
  const [other] = others(path);
  if (other !== undefined) return { path, why: 'collision', with: other };
  // In one Vault, what stands at another secret's target is its copy, and not to be copied again.
  const source = scope
    .namesAtDestination(path)
    .flatMap((name) => owners(name))
    .find((owner) => owner !== path);
  return source === undefined ? undefined : { path, why: 'loop', with: source };
}

/** What a destination has to do so that a bucket of its info becomes equal to the origin's. */
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
 * Compares a bucket of the origin with the destination's, in the order of the original (vsync 0.3.0). Where the
 * original says nothing although the two differ, so that they would differ for ever, the path is to be verified.
 * Each list is sorted bytewise; no path is in two of them. Never throws.
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
  // Version 0 marks a delete that had begun: whether the value is still there is not known.
  if (destination.version === 0) return 'update';
  if (origin.type !== destination.type) return 'update';
  if (origin.version > destination.version) return 'update';
  if (origin.version === destination.version && origin.updateTime === destination.updateTime)
    return undefined;
  // Metadata that was deleted and created again counts its versions from 1: only the time tells.
  return isLater(origin.updateTime, destination.updateTime) ? 'update' : 'verify';
}
