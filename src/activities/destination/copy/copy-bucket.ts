import { isTooLarge } from '../../../consul/errors';
import { hashBucket } from '../../../rules/bucket';
import type { Insight } from '../../../rules/insight';
import { NO_EXPIRY, sumOf, type ExpirySummary } from '../../../rules/expiry';
import type { DeleteCandidate } from '../../../rules/plan';
import { failureOfPath, PathError } from '../../shared/failures';
import { inParallel, inTurn } from '../../../concurrency/work-pool';
import type { CycleReportBuilder } from '../../shared/cycle-report';
import type { OpenBucket } from '../../../sync-info/ledger';
import { BucketExpiries } from '../../../sync-info/expiries';
import { SettingsCarrier } from './carry-settings';
import { copySecret } from './copy-secret';
import type { DestinationDeps } from '../base/deps';
import { planBucket, type PlanContext, type PlannedBucket } from './plan-bucket';
import { removeGone } from './remove-gone';

/** What all buckets of one activity share. */
export interface CopyContext extends PlanContext {
  /** Remembered uuids of the origin's mounts. */
  readonly mounts: Record<string, string>;
  /** Whether deletes may happen. */
  readonly deletes: boolean;
  readonly report: CycleReportBuilder;
  /** Buckets in which something is left to do. */
  readonly incomplete: Set<number>;
  /** Secrets that are retained, by bucket. */
  readonly retained: Map<number, number>;
  /** Secrets that were deleted, by mount of the origin. */
  readonly deleted: Map<string, number>;
  /** What changed of the copies that end; undefined if nothing did. */
  expiries: ExpirySummary | undefined;
  readonly onProgress: () => void;
}

/** One bucket while its plan is applied. */
interface BucketCopy extends PlannedBucket {
  readonly id: number;
  readonly expiries: BucketExpiries;
  readonly carrier: SettingsCarrier | undefined;
  /** Secrets at whose place another value was kept. */
  readonly kept: Set<string>;
}

/**
 * Plans one bucket, applies the plan, and saves the destination's bucket. If that has grown over Consul's limit
 * (`ignoreDeletes` keeps what the origin's bucket has no more), this bucket alone fails.
 */
export async function copyBucket(context: CopyContext, id: number, signal: AbortSignal): Promise<void> {
  const { deps, fence, incomplete, report } = context;
  const expiries = new BucketExpiries(deps.info.expiries, id, fence);
  try {
    const planned = await planBucket(context, id, expiries, signal);
    if (planned === 'torn') report.fail(deps.originInfo.bucketKey(id), 'torn-bucket', 'unknown');
    if (typeof planned === 'string') incomplete.add(id);
    else await applyPlan(context, id, planned, expiries, signal);
  } catch (error) {
    incomplete.add(id);
    if (!isTooLarge(error)) throw error;
    report.fail(error.key, 'too-large');
  } finally {
    const changed = expiries.changed();
    if (changed !== undefined) context.expiries = sumOf(context.expiries ?? NO_EXPIRY, changed);
  }
}

async function applyPlan(
  context: CopyContext,
  id: number,
  planned: PlannedBucket,
  expiries: BucketExpiries,
  signal: AbortSignal,
): Promise<void> {
  const { deps, report, incomplete } = context;
  const { origin, bucket, work } = planned;
  const { values, settings, refused, excluded, leaving } = work;
  const carrier = SettingsCarrier.of(context, id, planned);
  const copy: BucketCopy = { ...planned, id, expiries, carrier, kept: new Set() };
  // An undelete at the origin would make the claim true again, although the copy has ended.
  for (const path of work.endedOnly) bucket.unverify(path);
  if (refused.length > 0) incomplete.add(id);
  for (const { path, why, with: other } of refused) report.refuse(path, why, other);
  for (const path of work.itself) bucket.forget(path);
  const itself = work.itself.filter((path) => origin.has(path)).length;
  report.count('held', itself);
  try {
    const paths = [...new Set([...values.keys(), ...settings.keys()])];
    const ofEachMount = inTurn(paths, (path) => deps.scope.mountAtOrigin(path));
    const bring = (path: string, stop: AbortSignal): Promise<void> => bringOne(context, copy, path, stop);
    await inParallel(ofEachMount, signal, bring, deps.copyPool);
    report.count('held', excluded.length);
    const removed = await removeOrRetain(context, id, bucket, leaving, signal);
    context.retained.set(id, excluded.length + itself + copy.kept.size + removed);
  } finally {
    // Also when cancelled or failed: what has arrived is claimed, so that it need not be compared again.
    await expiries.save();
    await bucket.flush();
    // After the claims: an end is not forgotten while a claim says that the copy is there.
    for (const path of work.endedOnly) expiries.note(path, undefined);
    await expiries.save();
    await planned.settings?.flush();
  }
  if (!isDone(copy, deps) || carrier?.isDone() === false) incomplete.add(id);
}

/**
 * Whether the claims of every wanted secret equal the origin's, except where another value was kept. A claim may be missing
 * although nothing failed: what the origin no longer serves is not claimed.
 */
function isDone({ origin, bucket, kept }: BucketCopy, { scope }: DestinationDeps): boolean {
  const isExpected = (path: string): boolean =>
    origin.has(path) && scope.isToBeCopied(path) && !kept.has(path);
  const wanted = [...origin].filter(([path]) => isExpected(path));
  const claimed = [...bucket.claims].filter(([path]) => isExpected(path));
  return hashBucket(new Map(wanted)) === hashBucket(new Map(claimed));
}

/** @returns how many are retained */
async function removeOrRetain(
  context: CopyContext,
  id: number,
  bucket: OpenBucket<Insight>,
  leaving: readonly DeleteCandidate[],
  signal: AbortSignal,
): Promise<number> {
  const { deps, deletes, targets, report, incomplete } = context;
  if (leaving.length === 0) return 0;
  // While a bucket of the origin is being written, the secret at such a target may belong to another one by now.
  if (!deps.config.ignoreDeletes && deletes && targets.complete)
    return removeGone(context, id, bucket, leaving, signal);
  report.count('held', leaving.length);
  if (!deps.config.ignoreDeletes) incomplete.add(id);
  return leaving.length;
}

/** Copies the value of one secret, its settings, or both, in the order that lets only those versions expire that should. */
async function bringOne(
  context: CopyContext,
  copy: BucketCopy,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  const { carrier, work } = copy;
  const carried = await carrier?.read(path, signal);
  if (carried?.beforeValue === true) await carrier?.apply(path, carried, signal);
  const arrived = !work.values.has(path) || (await copyOne(context, copy, path, signal));
  if (carried?.beforeValue === false && arrived) await carrier?.apply(path, carried, signal);
}

/** @returns whether the destination has the secret now */
async function copyOne(
  { deps, report, incomplete, onProgress }: CopyContext,
  copy: BucketCopy,
  path: string,
  signal: AbortSignal,
): Promise<boolean> {
  const { id, origin, bucket, expiries, carrier } = copy;
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
      copy.kept.add(path);
      report.count('held');
    } else report.count(did);
    // Reported, and no failure.
    if (conflict === true) report.note(path, did === 'kept' ? 'kept' : 'overwritten');
    // If the value is not there, its end is unknown: the stored one stays, and the secret is checked again.
    if (isThere) expiries.note(path, ends);
    // The claim comes after the secret.
    if (claim) bucket.claim(path, insight);
    // A newer value than the info names: not claimed, but named, so that it is deleted if the origin has none the
    // next time.
    else if (isThere && !bucket.claims.has(path)) bucket.unverify(path, insight);
  } catch (error) {
    const failure = failureOfPath(error, signal);
    arrived = false;
    incomplete.add(id);
    // Why it waits was said with its settings.
    const isSaid = error instanceof PathError && error.reason === 'waits-for-settings';
    if (!isSaid || carrier?.hasFailed(path) !== true) report.fail(path, failure);
  }
  onProgress();
  await bucket.checkpoint();
  return arrived;
}
