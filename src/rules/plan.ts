import type { Bucket } from './bucket';
import { bytewise } from './paths';
import { differingSettings, UNVERIFIED_SETTINGS, type SettingsBucket } from './settings';
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
  readonly sourcesOf: (target: string) => readonly string[];
}

/**
 * Plans one bucket. `claims` are empty if the destination's bucket does not fit its index. What it names then still is a
 * candidate for a delete, if the origin lacks it.
 */
export function planBucket(
  origin: Bucket,
  claims: Bucket,
  named: Iterable<string>,
  scope: Scope,
  neighbours: Neighbours,
): BucketPlan {
  const differing = { add: [] as string[], update: [] as string[], verify: [] as string[] };
  const refused: Refused[] = [];
  for (const [path, insight] of origin) {
    const change = scope.isToBeCopied(path) ? changeOf(insight, claims.get(path)) : undefined;
    const refusal = change && refusalOf(path, scope, neighbours);
    if (refusal !== undefined) refused.push(refusal);
    else if (change !== undefined) differing[change].push(path);
  }
  const names = [...new Set(named)];
  const isLeft = (path: string): boolean =>
    !scope.isItself(path) && !(origin.has(path) && scope.isToBeCopied(path));
  const left = names.filter(isLeft).sort(bytewise);
  return {
    add: differing.add.sort(bytewise),
    update: differing.update.sort(bytewise),
    verify: differing.verify.sort(bytewise),
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

/**
 * How a secret of the origin differs from its claim, in the order of the original (vsync 0.3.0). Some differences the
 * original ignores, so that the buckets differ for ever. Here they are verified.
 */
function changeOf(origin: Insight, claim: Insight | undefined): 'add' | 'update' | 'verify' | undefined {
  if (!claim) return 'add';
  // An unverified claim, or a delete that had begun: it is unknown whether the value is still there.
  if (claim.version === 0) return 'update';
  if (origin.type !== claim.type || origin.version > claim.version) return 'update';
  if (origin.version === claim.version && origin.updateTime === claim.updateTime) return undefined;
  // Metadata that was deleted and created again counts its versions from 1: only the time shows it.
  return isLater(origin.updateTime, claim.updateTime) ? 'update' : 'verify';
}

/** Which paths of an origin's bucket are copied: wanted, with a place at both ends, and not refused. */
function isCopiedOf(origin: Bucket, scope: Scope, neighbours: Neighbours): (path: string) => boolean {
  return (path) =>
    origin.has(path) &&
    scope.isToBeCopied(path) &&
    scope.placeAtOrigin(path) !== undefined &&
    scope.placeAtDestination(path) !== undefined &&
    refusalOf(path, scope, neighbours) === undefined;
}

/** Why a secret of the origin is not copied; undefined if nothing is in its way. */
export function refusalOf(
  path: string,
  scope: Scope,
  { others, sourcesOf }: Neighbours,
): Refused | undefined {
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

/**
 * Why the value of a secret is copied or compared.
 *
 * - `recreated`: the same version with a later time
 * - `not-newer`: it differs, and the origin's is not newer
 * - `untrusted`: the bucket that claims it does not fit its index
 * - `ended`: its copy may have ended by itself
 */
export type ValueReason =
  'new' | 'changed' | 'recreated' | 'not-newer' | 'unverified' | 'untrusted' | 'ended';

/** Why the settings of a secret are copied: `defaults` if the origin's went back to them. */
export type SettingsReason = 'changed' | 'defaults' | 'unverified';

/** A path that the destination's bucket names, and that does not belong there any more. */
export interface DeleteCandidate {
  readonly path: string;
  /** `include` or `exclude` leave it out. Else the origin's bucket lacks it. */
  readonly unwanted: boolean;
}

/** One bucket at both ends. */
export interface BothSides {
  readonly origin: Bucket;
  /** As an open bucket of the ledger gives it. */
  readonly own: {
    readonly claims: Bucket;
    readonly names: ReadonlyMap<string, unknown>;
    readonly isTrusted: boolean;
  };
  /** Absent if settings are not copied; without `origin` if the origin's cannot be read now. */
  readonly settings?: { readonly origin: SettingsBucket | undefined; readonly claims: SettingsBucket };
  /** Paths whose copies may have ended. */
  readonly due?: readonly string[];
}

/** All that a destination has to do about one bucket. */
export interface BucketWork {
  /** In the order in which they are copied. */
  readonly values: ReadonlyMap<string, ValueReason>;
  readonly settings: ReadonlyMap<string, SettingsReason>;
  readonly refused: readonly Refused[];
  /** To be deleted, after the origin was asked about each. Some may be withdrawn, and then stay. */
  readonly leaving: readonly DeleteCandidate[];
  /** Excluded by a filter and retained, because `deleteExcluded` is off. */
  readonly excluded: readonly string[];
  /** Their own copies: never claimed. */
  readonly itself: readonly string[];
  /** Ended copies of secrets that are not copied now: their claims become unverified. */
  readonly endedOnly: readonly string[];
}

/** The planner: decides about every path of one bucket. Guard, cycle and `vsync plan` share it, so a plan is exact. */
export function workOfBucket(
  { origin, own, settings, due = [] }: BothSides,
  { scope, neighbours, deleteExcluded }: { scope: Scope; neighbours: Neighbours; deleteExcluded: boolean },
): BucketWork {
  const trusted: Bucket = own.isTrusted ? own.claims : new Map();
  const plan = planBucket(origin, trusted, own.names.keys(), scope, neighbours);
  const isCopied = isCopiedOf(origin, scope, neighbours);
  const reasonToAdd = (path: string): ValueReason =>
    own.isTrusted || !own.names.has(path) ? 'new' : 'untrusted';
  const reasonToUpdate = (path: string): ValueReason => {
    const version = trusted.get(path)?.version;
    if (version === 0) return 'unverified';
    return version === origin.get(path)?.version ? 'recreated' : 'changed';
  };
  const values = new Map<string, ValueReason>([
    ...plan.add.map((path) => [path, reasonToAdd(path)] as const),
    ...plan.update.map((path) => [path, reasonToUpdate(path)] as const),
    ...plan.verify.map((path) => [path, 'not-newer'] as const),
  ]);
  for (const path of due) if (isCopied(path) && !values.has(path)) values.set(path, 'ended');
  const { gone, unwanted, refused, itself } = plan;
  const alsoLeaving = deleteExcluded ? unwanted : [];
  return {
    values,
    settings: settingsToCopy(settings, isCopied),
    refused,
    leaving: [
      ...gone.map((path) => ({ path, unwanted: false })),
      ...alsoLeaving.map((path) => ({ path, unwanted: true })),
    ],
    excluded: deleteExcluded ? [] : unwanted,
    itself,
    endedOnly: due.filter((path) => !isCopied(path)),
  };
}

function settingsToCopy(
  settings: BothSides['settings'],
  isCopied: (path: string) => boolean,
): Map<string, SettingsReason> {
  if (settings?.origin === undefined) return new Map();
  const { origin, claims } = settings;
  const reason = (path: string): SettingsReason => {
    if (claims.get(path) === UNVERIFIED_SETTINGS) return 'unverified';
    return origin.has(path) ? 'changed' : 'defaults';
  };
  return new Map(differingSettings(origin, claims, isCopied).map((path) => [path, reason(path)]));
}
