import { isTooLarge } from '../../../consul/errors';
import { fits, readFitting } from '../../../sync-info/indexed-buckets';
import { hashBucket, type Bucket } from '../../../rules/bucket';
import { unverified } from '../../../rules/claims';
import type { Insight } from '../../../rules/insight';
import { NO_EXPIRY, sumOf, type ExpirySummary } from '../../../rules/expiry';
import { isCopiedOf, planBucket } from '../../../rules/plan';
import { PathError, pathFailureClass } from '../../shared/failures';
import { inParallel } from '../../../concurrency/work-pool';
import { inTurn } from '../../../concurrency/fair-queue';
import { throwOutage } from '../../shared/outages';
import type { CycleReportBuilder } from '../../shared/cycle-report';
import { BucketCheckpoint, type Fence } from '../base/bucket-checkpoint';
import { BucketExpiries } from '../base/bucket-expiries';
import { SettingsCarrier, type SettingsContext } from './carry-settings';
import { copySecret } from './copy-secret';
import type { DestinationDeps } from '../base/deps';
import type { Targets } from '../base/origin-targets';
import { removeGone } from './remove-gone';

/** What all buckets of one activity share. */
export interface CopyContext {
  deps: DestinationDeps;
  originIndex: readonly string[];
  /** Undefined if there is none, or if it has another number of buckets. */
  ownIndex: readonly string[] | undefined;
  /** Remembered uuids of the origin's mounts. */
  mounts: Record<string, string>;
  /** Where the secrets of the origin belong at the destination. */
  targets: Targets;
  /** Undefined if settings are not carried over, or the origin publishes none. */
  settings: SettingsContext | undefined;
  /** For all writes of buckets. */
  fence: Fence;
  /** Whether deletes may happen. */
  deletes: boolean;
  report: CycleReportBuilder;
  /** Buckets in which something is left to do. */
  incomplete: Set<number>;
  /** Secrets that are kept on purpose, by bucket. */
  held: Map<number, number>;
  /** Secrets that were deleted, by mount of the origin. */
  deleted: Map<string, number>;
  /** Whether copies may have ended: what is noted of each bucket is read. */
  lookAtExpiries: boolean;
  /** What changed of the copies that end; undefined if nothing did. */
  expiries: ExpirySummary | undefined;
  onProgress: () => void;
}

/** What is being done about one bucket. */
interface BucketWork {
  id: number;
  origin: Bucket;
  checkpoint: BucketCheckpoint;
  expiries: BucketExpiries;
  carrier: SettingsCarrier | undefined;
  /** Paths whose values have to be copied. */
  values: ReadonlySet<string>;
  /** The destination never had it. */
  isNew: (path: string) => boolean;
  /** The destination's bucket names it. */
  isOurs: (path: string) => boolean;
  /** Secrets at whose place another value was kept. */
  kept: Set<string>;
}

/**
 * Brings the secrets of one bucket to the destination, and saves the destination's bucket. If that has grown over
 * Consul's limit (`ignoreDeletes` keeps what the origin's bucket has no more), it alone fails.
 */
export async function copyBucket(context: CopyContext, id: number, signal: AbortSignal): Promise<void> {
  const expiries = new BucketExpiries(context.deps.info.expiries, id, context.fence);
  try {
    if (context.lookAtExpiries) await expiries.read(signal);
    await copyAndClaim(context, id, expiries, signal);
  } catch (error) {
    context.incomplete.add(id);
    if (!isTooLarge(error)) throw error;
    context.report.fail(error.key, 'too-large');
  } finally {
    const changed = expiries.changed();
    if (changed !== undefined) context.expiries = sumOf(context.expiries ?? NO_EXPIRY, changed);
  }
}

async function copyAndClaim(
  context: CopyContext,
  id: number,
  expiries: BucketExpiries,
  signal: AbortSignal,
): Promise<void> {
  const { deps, ownIndex, report, incomplete } = context;
  const stored = await deps.info.readBucket(id, signal);
  const read = await readFitting(deps.originInfo, context.originIndex, id, signal);
  if (read?.isNewer === true) {
    // The guard and the targets are about the index that this cycle looked at: the next cycle looks at the new one.
    incomplete.add(id);
    return;
  }
  if (read === undefined) {
    report.fail(deps.originInfo.bucketKey(id), 'torn-bucket', 'unknown');
    incomplete.add(id);
    return;
  }
  const origin = read.bucket;
  // A bucket that does not fit its index is not believed: it is rebuilt by comparing values. Its names are kept,
  // because what stands at the destination and not at the origin could not be found otherwise.
  const trusted = fits(stored, ownIndex?.[id]);
  const named = stored.bucket ?? new Map<string, Insight>();
  const plan = planBucket(
    origin,
    trusted ? named : new Map<string, Insight>(),
    named.keys(),
    deps.scope,
    context.targets,
  );
  // All that it names stays named until it was compared: this cycle may be cut off too.
  const doubtful = [...named].map(([path, insight]) => [path, unverified(insight)] as const);
  const claims = new Map(trusted ? named : doubtful);
  const checkpoint = new BucketCheckpoint(deps.info, id, stored, claims, context.fence, () =>
    expiries.save(),
  );
  // A secret that the destination never had is written at once; check-and-set tells if it was there after all.
  const isNew = (path: string): boolean => !named.has(path) && (trusted || stored.revision === 0);

  const isCopied = isCopiedOf(origin, deps.scope, context.targets);
  // Also what is refused now: it has its turn when the other secret is gone, which may be in another bucket.
  const isWanted = (path: string): boolean => origin.has(path) && deps.scope.isToBeCopied(path);
  const carrier = await SettingsCarrier.open(context, id, origin, isCopied, signal);
  const due = expiries.due(Date.now(), origin.keys());
  const ended = new Set(due.filter(isCopied));
  const notCopied = due.filter((path) => !ended.has(path));
  for (const path of notCopied) {
    // An undelete at the origin would make the claim true again, although the copy has ended.
    const claim = claims.get(path);
    if (claim !== undefined) claims.set(path, unverified(claim));
  }
  const values = new Set([...plan.add, ...plan.update, ...plan.verify, ...ended]);
  const isOurs = named.has.bind(named);
  const work: BucketWork = {
    id,
    origin,
    checkpoint,
    expiries,
    carrier,
    values,
    isNew,
    isOurs,
    kept: new Set(),
  };

  if (plan.refused.length > 0) incomplete.add(id);
  for (const { path, why, with: other } of plan.refused) report.refuse(path, why, other);
  for (const path of plan.itself) checkpoint.claims.delete(path);
  const itself = plan.itself.filter((path) => origin.has(path)).length;
  report.count('held', itself);
  try {
    const paths = [...new Set([...values, ...(carrier?.pending ?? [])])];
    const ofEachMount = inTurn(paths, (path) => deps.scope.mountAtOrigin(path));
    await inParallel(ofEachMount, signal, (path, stop) => bringOne(context, work, path, stop), deps.copyPool);
    const { deleteExcluded } = deps.config.destination;
    const leaving = { gone: plan.gone, unwanted: deleteExcluded ? plan.unwanted : [] };
    const kept = deleteExcluded ? 0 : plan.unwanted.length;
    report.count('held', kept);
    const held =
      kept + itself + work.kept.size + (await removeOrHold(context, id, checkpoint, leaving, signal));
    context.held.set(id, held);
  } finally {
    // Also when cancelled or failed: what has arrived is claimed, so that it need not be compared again.
    await expiries.save();
    await checkpoint.save();
    // After the claims: an end is not forgotten while a claim says that the copy is there.
    for (const path of notCopied) expiries.note(path, undefined);
    await expiries.save();
    await carrier?.checkpoint.save();
  }
  // Somebody else's claim may be missing although nothing failed: what the origin no longer serves is not claimed.
  if (!isDone(origin, checkpoint.claims, work.kept, deps) || carrier?.isDone(isWanted) === false)
    incomplete.add(id);
}

/** Whether the claims say of every wanted secret what the origin says, but for those whose place is somebody else's. */
function isDone(
  origin: Bucket,
  claims: Bucket,
  kept: ReadonlySet<string>,
  { scope }: DestinationDeps,
): boolean {
  const isExpected = (path: string): boolean =>
    origin.has(path) && scope.isToBeCopied(path) && !kept.has(path);
  const wanted = [...origin].filter(([path]) => isExpected(path));
  const claimed = [...claims].filter(([path]) => isExpected(path));
  return hashBucket(new Map(wanted)) === hashBucket(new Map(claimed));
}

/** @returns how many are kept on purpose */
async function removeOrHold(
  context: CopyContext,
  id: number,
  checkpoint: BucketCheckpoint,
  leaving: { gone: readonly string[]; unwanted: readonly string[] },
  signal: AbortSignal,
): Promise<number> {
  const { deps, deletes, targets, report, incomplete } = context;
  const count = leaving.gone.length + leaving.unwanted.length;
  if (count === 0) return 0;
  // While a bucket of the origin is being written, what stands at their targets may be another secret's by now.
  if (!deps.config.ignoreDeletes && deletes && targets.complete)
    return removeGone(context, id, checkpoint, leaving, signal);
  report.count('held', count);
  if (!deps.config.ignoreDeletes) incomplete.add(id);
  return count;
}

/** Brings the value of one secret, its settings, or both, in the order that lets just those versions expire that should. */
async function bringOne(
  context: CopyContext,
  work: BucketWork,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  const { carrier, values } = work;
  const carried = await carrier?.read(path, signal);
  if (carried?.beforeValue === true) await carrier?.apply(path, carried, signal);
  const arrived = !values.has(path) || (await copyOne(context, work, path, signal));
  if (carried?.beforeValue === false && arrived) await carrier?.apply(path, carried, signal);
}

/** @returns whether the destination has the secret now */
async function copyOne(
  { deps, report, incomplete, onProgress }: CopyContext,
  work: BucketWork,
  path: string,
  signal: AbortSignal,
): Promise<boolean> {
  const { id, origin, checkpoint, expiries, carrier, isNew, isOurs } = work;
  const insight = origin.get(path);
  if (insight === undefined) return false;
  signal.throwIfAborted();
  const withoutSettings = carrier?.isMissing(path) === true;
  let arrived = true;
  try {
    const options = { compareFirst: !isNew(path), isOurs: isOurs(path), withoutSettings };
    const { did, claim, isThere, ends, conflict } = await copySecret(deps, path, insight, options, signal);
    report.count('read');
    if (did === 'kept') {
      arrived = false;
      work.kept.add(path);
      report.count('held');
    } else report.count(did);
    // Reported, and no failure.
    if (conflict === true) report.note(path, did === 'kept' ? 'kept' : 'overwritten');
    // Of a value that is not there nothing is known: what was noted of it stays, and it is looked at again.
    if (isThere) expiries.note(path, ends);
    // The claim comes after the secret.
    if (claim) checkpoint.claims.set(path, insight);
    // A newer value than the info names: not claimed, but named, so that it is deleted if the origin has none the
    // next time.
    else if (isThere && !checkpoint.claims.has(path)) checkpoint.claims.set(path, unverified(insight));
  } catch (error) {
    if (signal.aborted) throw error;
    arrived = false;
    throwOutage(error);
    incomplete.add(id);
    // Why it waits was said with its settings.
    const isSaid = error instanceof PathError && error.reason === 'waits-for-settings';
    if (!isSaid || carrier?.hasFailed(path) !== true) report.fail(path, pathFailureClass(error));
  }
  onProgress();
  await checkpoint.saveSometimes();
  return arrived;
}
