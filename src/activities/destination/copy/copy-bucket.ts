import { isTooLarge } from '../../../consul/errors';
import { hashBucket, type Bucket } from '../../../rules/bucket';
import type { Insight } from '../../../rules/insight';
import { NO_EXPIRY, sumOf, type ExpirySummary } from '../../../rules/expiry';
import { isCopiedOf, planBucket } from '../../../rules/plan';
import { PathError, pathFailureClass } from '../../shared/failures';
import { inParallel } from '../../../concurrency/work-pool';
import { inTurn } from '../../../concurrency/fair-queue';
import { throwOutage } from '../../shared/outages';
import type { CycleReportBuilder } from '../../shared/cycle-report';
import type { Fence } from '../../../sync-info/fence';
import type { Ledger, OpenBucket } from '../../../sync-info/ledger';
import { BucketExpiries } from '../../../sync-info/expiries';
import { SettingsCarrier } from './carry-settings';
import { copySecret } from './copy-secret';
import type { DestinationDeps } from '../base/deps';
import type { Targets } from '../base/origin-targets';
import { removeGone } from './remove-gone';

/** What all buckets of one activity share. */
export interface CopyContext {
  deps: DestinationDeps;
  /** Claims about values. */
  values: Ledger<Insight>;
  /** Claims about settings; undefined if they are not carried over, or the origin publishes none. */
  settings: Ledger<string> | undefined;
  /** For all writes of buckets. */
  fence: Fence;
  /** Remembered uuids of the origin's mounts. */
  mounts: Record<string, string>;
  /** Where the secrets of the origin belong at the destination. */
  targets: Targets;
  /** Whether deletes may happen. */
  deletes: boolean;
  report: CycleReportBuilder;
  /** Buckets in which something is left to do. */
  incomplete: Set<number>;
  /** Secrets that are retained, by bucket. */
  retained: Map<number, number>;
  /** Secrets that were deleted, by mount of the origin. */
  deleted: Map<string, number>;
  /** Copies may have ended: the list of each bucket is read. */
  checkExpiries: boolean;
  /** What changed of the copies that end; undefined if nothing did. */
  expiries: ExpirySummary | undefined;
  onProgress: () => void;
}

/** What is being done about one bucket. */
interface BucketWork {
  id: number;
  origin: Bucket;
  bucket: OpenBucket<Insight>;
  expiries: BucketExpiries;
  carrier: SettingsCarrier | undefined;
  /** Paths whose values have to be copied. */
  values: ReadonlySet<string>;
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
    if (context.checkExpiries) await expiries.read(signal);
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
  const { deps, report, incomplete } = context;
  const bucket = await context.values.open(id, signal, { beforeSave: () => expiries.save() });
  const { origin, names, claims } = bucket;
  if (bucket.isNewer) {
    // The guard and the targets are about the index from the beginning of this cycle: the next cycle processes this one.
    incomplete.add(id);
    return;
  }
  if (origin === undefined) {
    report.fail(deps.originInfo.bucketKey(id), 'torn-bucket', 'unknown');
    incomplete.add(id);
    return;
  }
  const trusted = bucket.isTrusted ? names : new Map<string, Insight>();
  const plan = planBucket(origin, trusted, names.keys(), deps.scope, context.targets);

  const isCopied = isCopiedOf(origin, deps.scope, context.targets);
  // Also what is refused now: it has its turn when the other secret is gone, which may be in another bucket.
  const isWanted = (path: string): boolean => origin.has(path) && deps.scope.isToBeCopied(path);
  const carrier = await SettingsCarrier.open(context, id, origin, isCopied, signal);
  const due = expiries.due(Date.now(), origin.keys());
  const ended = new Set(due.filter(isCopied));
  const notCopied = due.filter((path) => !ended.has(path));
  // An undelete at the origin would make the claim true again, although the copy has ended.
  for (const path of notCopied) bucket.unverify(path);
  const values = new Set([...plan.add, ...plan.update, ...plan.verify, ...ended]);
  const work: BucketWork = { id, origin, bucket, expiries, carrier, values, kept: new Set() };

  if (plan.refused.length > 0) incomplete.add(id);
  for (const { path, why, with: other } of plan.refused) report.refuse(path, why, other);
  for (const path of plan.itself) bucket.forget(path);
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
    const held = kept + itself + work.kept.size + (await removeOrHold(context, id, bucket, leaving, signal));
    context.retained.set(id, held);
  } finally {
    // Also when cancelled or failed: what has arrived is claimed, so that it need not be compared again.
    await expiries.save();
    await bucket.flush();
    // After the claims: an end is not forgotten while a claim says that the copy is there.
    for (const path of notCopied) expiries.note(path, undefined);
    await expiries.save();
    await carrier?.bucket.flush();
  }
  // Somebody else's claim may be missing although nothing failed: what the origin no longer serves is not claimed.
  if (!isDone(origin, claims, work.kept, deps) || carrier?.isDone(isWanted) === false) incomplete.add(id);
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
  bucket: OpenBucket<Insight>,
  leaving: { gone: readonly string[]; unwanted: readonly string[] },
  signal: AbortSignal,
): Promise<number> {
  const { deps, deletes, targets, report, incomplete } = context;
  const count = leaving.gone.length + leaving.unwanted.length;
  if (count === 0) return 0;
  // While a bucket of the origin is being written, what stands at their targets may be another secret's by now.
  if (!deps.config.ignoreDeletes && deletes && targets.complete)
    return removeGone(context, id, bucket, leaving, signal);
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
  const { id, origin, bucket, expiries, carrier } = work;
  const insight = origin.get(path);
  if (insight === undefined) return false;
  signal.throwIfAborted();
  const withoutSettings = carrier?.isMissing(path) === true;
  let arrived = true;
  try {
    const options = { compareFirst: bucket.mayHave(path), isOurs: bucket.names.has(path), withoutSettings };
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
    if (claim) bucket.claim(path, insight);
    // A newer value than the info names: not claimed, but named, so that it is deleted if the origin has none the
    // next time.
    else if (isThere && !bucket.claims.has(path)) bucket.unverify(path, insight);
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
  await bucket.checkpoint();
  return arrived;
}
