import { fits } from '../../../sync-info/indexed-buckets';
import { readDestinationState, type DestinationState } from '../../../sync-info/state';
import { hashOfDeletes, whyHeld } from '../../../rules/delete-guard';
import { emptyIndex, isVersionOf } from '../../../rules/bucket';
import { inParallel } from '../../../concurrency/work-pool';
import type { GuardDeletesInput, GuardDeletesResult, PendingDeletes } from '../../../contract/destination';
import { CONSUL_READS, MAX_DISPATCH_WIDTH, GROUP_SECRETS, MAX_GROUPS } from '../../../limits';
import { judgeCandidate } from './delete-secret';
import type { DestinationDeps } from '../base/deps';
import { NO_TRANSFORMS } from '../base/origin-targets';
import { workOfBucket, type DeleteCandidate } from '../../../rules/plan';
import { namedPaths } from '../../../sync-info/ledger';

/**
 * Decides whether the deletes of a cycle may happen, before the first of them. The origin is asked about each only if so
 * many would be held, and once for each such set: what it still serves does not count then. Also deals the buckets into
 * groups, by what there is to do in each.
 */
export async function guardDeletes(
  deps: DestinationDeps,
  { buckets, considered, mounts }: GuardDeletesInput,
  signal: AbortSignal,
): Promise<GuardDeletesResult> {
  const { info, originInfo } = deps;
  const { index } = await originInfo.readIndex(signal);
  // The index moved on: what this cycle would delete is for the next one to decide.
  if (index === undefined || !isVersionOf(considered, index)) return { v: 1, deletes: false, known: {} };
  const own = await info.readIndex(signal);
  const guarded = await guardBuckets(deps, buckets, { index, ownIndex: own.index }, signal);
  const groups = dealOut(guarded.map(({ id, secrets }) => [id, secrets] as const));
  const work = { groups, dispatchWidth: MAX_DISPATCH_WIDTH };
  if (deps.config.ignoreDeletes) return { v: 1, work, deletes: false, known: {} };
  const candidates = guarded.flatMap((bucket) => bucket.candidates);
  if (candidates.length === 0) return { v: 1, work, deletes: true, known: {} };
  const { state } = await readDestinationState(info, signal);
  const input = { candidates, index, mounts, state, suspended: state?.suspended };
  const { held, approved, known } = await heldDeletes(deps, input, signal);
  if (held !== undefined) return { v: 1, work, deletes: false, approved, known, pendingDeletes: held };
  const paths = candidates.map(({ path }) => path);
  const counts = Object.fromEntries(byMount(deps, paths));
  return { v: 1, work, deletes: true, approved, known, candidates: counts };
}

export interface GuardInput {
  candidates: readonly DeleteCandidate[];
  /** The origin's. */
  index: readonly string[];
  mounts: Record<string, string>;
  state: DestinationState | undefined;
  suspended: string | undefined;
}

interface GuardDecision {
  /** Undefined if the deletes may happen. */
  held: PendingDeletes | undefined;
  /** They may because an operator approved them. */
  approved: boolean;
  /** As in the result of the activity. */
  known: Record<string, number>;
}

export async function heldDeletes(
  deps: DestinationDeps,
  { candidates, index, mounts, state, suspended }: GuardInput,
  signal: AbortSignal,
): Promise<GuardDecision> {
  const known = byMount(deps, await namedPaths(deps.info, index.length, signal));
  const verdict = { held: undefined, approved: false, known: Object.fromEntries(known) };
  const reasonFor = (paths: readonly string[]): string | undefined =>
    (paths.length === 0 ? undefined : suspended) ??
    whyHeld({
      candidates: byMount(deps, paths),
      known,
      noted: state?.deletesOfDay ?? [],
      maxDeletes: deps.config.maxDeletes,
      originIsEmpty: JSON.stringify(index) === JSON.stringify(emptyIndex(index.length)),
      nowMs: Date.now(),
    });
  const paths = candidates.map(({ path }) => path);
  const suspicion = reasonFor(paths);
  if (suspicion === undefined) return verdict;
  // What is left of an approved set after a cycle that ran out of time was counted without asking the origin.
  const hashOfAll = hashOfDeletes(paths);
  const isKnown =
    state?.held?.hash === hashOfAll &&
    state.held.reason === suspicion &&
    isVersionOf(state.considered, index);
  const targets = await deps.targets.load(index, signal);
  const judging = { deps, targets, mounts };
  // Where another secret of the origin belongs, nothing is deleted.
  const leaving = candidates.filter(({ path }) => targets.sourcesOf(deps.scope.target(path)).length === 0);
  /** Whether the origin does not serve it: what cannot be asked counts. */
  const isReal = async (candidate: DeleteCandidate, stop: AbortSignal): Promise<boolean> => {
    const judged = await judgeCandidate(judging, candidate, stop).catch((error: unknown) => {
      if (stop.aborted) throw error;
    });
    return judged?.is !== 'served';
  };
  // If nothing changed since the origin was asked about all of them, the answers would be the same.
  const answers = isKnown ? [] : await inParallel(leaving, signal, isReal, deps.copyPool);
  const real = leaving.filter((_, position) => answers[position] !== false).map(({ path }) => path);
  const reason = reasonFor(real);
  const hash = hashOfDeletes(real);
  if (reason === undefined) return verdict;
  if ([hash, hashOfAll].includes(state?.approved ?? '')) return { ...verdict, approved: true };
  return { ...verdict, held: { count: real.length, hash, reason } };
}

/** What the guard has to know of one bucket. */
interface GuardedBucket {
  readonly id: number;
  /** Secrets to be processed, for the size of the groups: an estimate. */
  readonly secrets: number;
  /** None if the origin's bucket does not fit its index. */
  readonly candidates: readonly DeleteCandidate[];
}

/** Plans bucket by bucket, and keeps what counts: all of them together would be the insights of every secret, twice. */
export function guardBuckets(
  deps: DestinationDeps,
  ids: readonly number[],
  { index, ownIndex }: { index: readonly string[]; ownIndex?: readonly string[] | undefined },
  signal: AbortSignal,
): Promise<GuardedBucket[]> {
  const { info, originInfo, config, scope } = deps;
  const { deleteExcluded } = config.destination;
  const guardOne = async (id: number, stop: AbortSignal): Promise<GuardedBucket> => {
    const [own, origin] = await Promise.all([info.readBucket(id, stop), originInfo.readBucket(id, stop)]);
    if (!fits(origin, index[id])) return { id, secrets: 0, candidates: [] };
    const names = own.bucket ?? new Map<string, never>();
    const isTrusted = fits(own, ownIndex?.[id]);
    const sides = { origin: origin.bucket, own: { claims: names, names, isTrusted } };
    // Which secrets are refused does not matter here, so the other buckets need not be read.
    const rules = { scope, neighbours: NO_TRANSFORMS, deleteExcluded };
    const { values, refused, leaving, excluded } = workOfBucket(sides, rules);
    // Where settings are copied, buckets may differ in nothing else.
    const isWhole = config.syncMetadata || !isTrusted;
    const secrets = isWhole
      ? [...origin.bucket.keys()].filter((path) => scope.isToBeCopied(path)).length
      : values.size + refused.length + leaving.length + excluded.length;
    return { id, secrets, candidates: candidatesOf(deps, leaving) };
  };
  return inParallel(ids, signal, guardOne, CONSUL_READS);
}

/** Without the withdrawn ones: below a mount that is not configured any more, a secret stays. */
export function candidatesOf({ scope }: DestinationDeps, leaving: readonly DeleteCandidate[]) {
  return leaving.filter(({ path, unwanted }) => unwanted || scope.placeAtOrigin(path) !== undefined);
}

export function byMount({ scope }: DestinationDeps, paths: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const mount of paths.map((path) => scope.mountAtOrigin(path)))
    counts.set(mount, (counts.get(mount) ?? 0) + 1);
  return counts;
}

/**
 * Few secrets make few groups, many make {@link MAX_GROUPS}. The largest buckets are dealt first, each to the group with
 * the least work. A bucket without secrets counts too: it costs some requests to Consul.
 */
export function dealOut(weights: readonly (readonly [id: number, secrets: number])[]): number[][] {
  const total = weights.reduce((sum, [, secrets]) => sum + secrets + 1, 0);
  const count = Math.min(Math.ceil(total / GROUP_SECRETS), MAX_GROUPS, weights.length);
  const groups = Array.from({ length: count }, () => ({ ids: [] as number[], secrets: 0 }));
  for (const [id, secrets] of [...weights].sort((a, b) => b[1] - a[1] || a[0] - b[0])) {
    const lightest = groups.reduce((least, group) => (group.secrets < least.secrets ? group : least));
    lightest.ids.push(id);
    lightest.secrets += secrets + 1;
  }
  return groups.map(({ ids }) => ids);
}
