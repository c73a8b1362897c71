import { fits } from '../../../sync-info/indexed-buckets';
import { readDestinationState, type DestinationState } from '../../../sync-info/state';
import { hashOfDeletes, whyHeld } from '../../../rules/delete-guard';
import { emptyIndex, isVersionOf } from '../../../rules/sync-index';
import { inParallel } from '../../../concurrency/work-pool';
import type { GuardDeletesInput, GuardDeletesResult, PendingDeletes } from '../../../contract/destination';
import { CONSUL_READS, MAX_DISPATCH_WIDTH } from '../../../limits';
import { absenceAtOrigin } from './delete-secret';
import type { DestinationDeps } from '../base/deps';
import { dealOut, secretsIn, type BothEnds } from '../base/group-work';
import { namedPaths } from '../../../sync-info/ledger';

/**
 * Decides whether the deletes of a cycle may happen, before the first of them. The origin is asked about each only
 * if there are so many that they would be held, and once for each such set: what it still serves does not count then,
 * nor what stands where another secret of the origin belongs. On the way it sees how much there is to do in each
 * bucket, and deals them into groups.
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
  const looks = await forBothEnds(deps, buckets, signal, (ends) => ({
    weight: [ends.id, secretsIn(deps, ends, index, own.index)] as const,
    candidates: candidatesIn(deps, ends, index),
  }));
  const groups = dealOut(looks.map(({ weight }) => weight));
  const work = { groups, dispatchWidth: MAX_DISPATCH_WIDTH };
  if (deps.config.ignoreDeletes) return { v: 1, work, deletes: false, known: {} };
  const candidates = looks.flatMap((look) => look.candidates);
  if (candidates.length === 0) return { v: 1, work, deletes: true, known: {} };
  const { state } = await readDestinationState(info, signal);
  const input = { candidates, index, mounts, state, suspended: state?.suspended };
  const { held, approved, known } = await heldDeletes(deps, input, signal);
  if (held !== undefined) return { v: 1, work, deletes: false, approved, known, pendingDeletes: held };
  const counts = byMount(
    deps,
    candidates.map(({ path }) => path),
  );
  return { v: 1, work, deletes: true, approved, known, candidates: Object.fromEntries(counts) };
}

/** A path that the destination's bucket names, and that does not belong there any more. */
export interface DeleteCandidate {
  path: string;
  /** `include` or `exclude` leave it out. Else the origin's bucket lacks it. */
  unwanted: boolean;
}

/** What the guard decides from. */
export interface GuardInput {
  candidates: readonly DeleteCandidate[];
  /** The origin's. */
  index: readonly string[];
  mounts: Record<string, string>;
  state: DestinationState | undefined;
  suspended: string | undefined;
}

/** What the guard decided. */
export interface GuardDecision {
  /** Undefined if the deletes may happen. */
  held: PendingDeletes | undefined;
  /** They may because somebody approved them. */
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
  const isTaken = ({ path }: DeleteCandidate): boolean =>
    targets.sourcesOf(deps.scope.target(path)).length > 0;
  const leaving = candidates.filter((candidate) => !isTaken(candidate));
  // Nothing is new since all of them were asked about: thousands of questions in each cycle would tell the same.
  const real = isKnown ? leaving.map(({ path }) => path) : await withoutServed(deps, leaving, mounts, signal);
  const reason = reasonFor(real);
  const hash = hashOfDeletes(real);
  if (reason === undefined) return verdict;
  if ([hash, hashOfAll].includes(state?.approved ?? '')) return { ...verdict, approved: true };
  return { ...verdict, held: { count: real.length, hash, reason } };
}

/** Of which the origin does not say that it still serves them: what cannot be asked counts. */
async function withoutServed(
  deps: DestinationDeps,
  candidates: readonly DeleteCandidate[],
  mounts: Record<string, string>,
  signal: AbortSignal,
): Promise<string[]> {
  const answers = await inParallel(
    candidates,
    signal,
    async ({ path, unwanted }, stop) => {
      if (unwanted) return 'unwanted';
      return absenceAtOrigin(deps, deps.scope.placeAtOrigin(path), mounts, stop).catch((error: unknown) => {
        if (stop.aborted) throw error;
        return 'unknown';
      });
    },
    deps.copyPool,
  );
  return candidates.filter((_, position) => answers[position] !== 'served').map(({ path }) => path);
}

/**
 * Paths that the destination's buckets name and that do not belong there any more. A bucket of the origin that does
 * not fit its index says nothing.
 */
export async function deleteCandidates(
  deps: DestinationDeps,
  ids: readonly number[],
  index: readonly string[],
  signal: AbortSignal,
): Promise<DeleteCandidate[]> {
  const inBucket = (ends: BothEnds): DeleteCandidate[] => candidatesIn(deps, ends, index);
  return (await forBothEnds(deps, ids, signal, inBucket)).flat();
}

/** Bucket by bucket: all of them together would be the insights of every secret, twice. */
function forBothEnds<T>(
  { info, originInfo }: DestinationDeps,
  ids: readonly number[],
  signal: AbortSignal,
  look: (ends: BothEnds) => T,
): Promise<T[]> {
  const lookAt = async (id: number, stop: AbortSignal): Promise<T> => {
    const [own, origin] = await Promise.all([info.readBucket(id, stop), originInfo.readBucket(id, stop)]);
    return look({ id, origin, own });
  };
  return inParallel(ids, signal, lookAt, CONSUL_READS);
}

function candidatesIn(
  { config, scope }: DestinationDeps,
  { id, origin, own }: BothEnds,
  index: readonly string[],
): DeleteCandidate[] {
  if (!fits(origin, index[id])) return [];
  return [...(own.bucket?.keys() ?? [])].flatMap((path): DeleteCandidate[] => {
    if (scope.isItself(path)) return [];
    const unwanted = !scope.wants(path);
    if (unwanted) return config.destination.deleteExcluded ? [{ path, unwanted }] : [];
    if (origin.bucket.has(path)) return [];
    // Below a mount that is not configured any more it is withdrawn, and stays.
    return scope.placeAtOrigin(path) === undefined ? [] : [{ path, unwanted }];
  });
}

export function byMount(
  { scope }: Pick<DestinationDeps, 'scope'>,
  paths: readonly string[],
): Map<string, number> {
  const counts = new Map<string, number>();
  for (const path of paths) {
    const mount = scope.mountAtOrigin(path);
    counts.set(mount, (counts.get(mount) ?? 0) + 1);
  }
  return counts;
}
