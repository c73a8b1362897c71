import { isTooLarge } from '../../../consul/errors';
import { hashBucket } from '../../../rules/bucket';
import type { Insight } from '../../../rules/insight';
import { NO_EXPIRY, sumOf, type ExpirySummary } from '../../../rules/expiry';
import { failureOfPath } from '../../shared/failures';
import { inParallel, inTurn } from '../../../concurrency/work-pool';
import type { CycleReportBuilder } from '../../shared/cycle-report';
import { BucketExpiries } from '../../../sync-info/expiries';
import { isBehind, type OldestChange } from '../../../sync-info/lag';
import { SettingsCarrier } from './carry-settings';
import { copySecret } from './copy-secret';
import { whereFailed } from '../base/deps';
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
  /** Changes that were not copied. */
  readonly behind: OldestChange;
  /** Secrets that are retained, by bucket. */
  readonly retained: Map<number, number>;
  /** Secrets that were deleted, by mount of the origin. */
  readonly deleted: Map<string, number>;
  /** What changed of the copies that end; undefined if nothing did. */
  expiries: ExpirySummary | undefined;
  readonly onProgress: () => void;
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
    else await new BucketCopy(context, id, planned, expiries).apply(signal);
  } catch (error) {
    incomplete.add(id);
    if (!isTooLarge(error)) throw error;
    report.fail(error.key, 'too-large');
  } finally {
    const changed = expiries.changed();
    if (changed !== undefined) context.expiries = sumOf(context.expiries ?? NO_EXPIRY, changed);
  }
}

/** One bucket while its plan is applied. */
class BucketCopy {
  private readonly carrier: SettingsCarrier | undefined;
  /** Secrets at whose place another value was kept. */
  private readonly kept = new Set<string>();

  constructor(
    private readonly context: CopyContext,
    private readonly id: number,
    private readonly planned: PlannedBucket,
    private readonly expiries: BucketExpiries,
  ) {
    this.carrier = SettingsCarrier.of(context, id, planned);
  }

  async apply(signal: AbortSignal): Promise<void> {
    const { context, id, expiries } = this;
    const { deps, report, incomplete } = context;
    const { origin, bucket, settings, work } = this.planned;
    // An undelete at the origin would make the claim true again, although the copy has ended.
    for (const path of work.endedOnly) bucket.unverify(path);
    if (work.refused.length > 0) incomplete.add(id);
    for (const { path, why, with: other } of work.refused) report.refuse(path, why, other);
    for (const path of work.itself) bucket.forget(path);
    const itself = work.itself.filter((path) => origin.has(path)).length;
    report.count('held', itself);
    try {
      const paths = [...new Set([...work.values.keys(), ...work.settings.keys()])];
      const ofEachMount = inTurn(paths, (path) => deps.scope.mountAtOrigin(path));
      const bring = (path: string, stop: AbortSignal): Promise<void> => this.bring(path, stop);
      await inParallel(ofEachMount, signal, bring, deps.copyPool);
      report.count('held', work.excluded.length);
      const removed = await this.removeOrRetain(signal);
      context.retained.set(id, work.excluded.length + itself + this.kept.size + removed);
    } finally {
      // Also when cancelled or failed: what has arrived is claimed, so that it need not be compared again.
      await expiries.save();
      await bucket.flush();
      // After the claims: an end is not forgotten while a claim says that the copy is there.
      for (const path of work.endedOnly) expiries.note(path, undefined);
      await expiries.save();
      await settings?.flush();
    }
    this.noteBehind();
    if (!this.isDone() || this.carrier?.isDone() === false) incomplete.add(id);
  }

  /**
   * Whether the claims of every wanted secret equal the origin's, except where another value was kept. A claim may be
   * missing although nothing failed: what the origin no longer serves is not claimed.
   */
  private isDone(): boolean {
    const { origin, bucket } = this.planned;
    const isExpected = ([path]: [string, Insight]): boolean =>
      origin.has(path) && this.context.deps.scope.isToBeCopied(path) && !this.kept.has(path);
    const claimed = new Map([...bucket.claims].filter(isExpected));
    return hashBucket(new Map([...origin].filter(isExpected))) === hashBucket(claimed);
  }

  /** For the lag of the cycle: what is refused or kept never arrives, so it is not late. */
  private noteBehind(): void {
    const { origin, bucket, work } = this.planned;
    const { deps, behind } = this.context;
    const refused = new Set(work.refused.map(({ path }) => path));
    for (const [path, insight] of origin) {
      if (!isBehind(insight, bucket.claims.get(path)) || refused.has(path) || this.kept.has(path)) continue;
      if (deps.scope.isToBeCopied(path)) behind.add(insight);
    }
  }

  /** @returns how many are retained */
  private async removeOrRetain(signal: AbortSignal): Promise<number> {
    const { context, id } = this;
    const { leaving } = this.planned.work;
    const { ignoreDeletes } = context.deps.config;
    if (leaving.length === 0) return 0;
    // While a bucket of the origin is being written, the secret at such a target may belong to another one by now.
    if (!ignoreDeletes && context.deletes && context.targets.complete)
      return removeGone(context, id, this.planned.bucket, leaving, signal);
    context.report.count('held', leaving.length);
    if (!ignoreDeletes) context.incomplete.add(id);
    return leaving.length;
  }

  /** Copies the value of one secret, its settings, or both, in the order that lets only those versions expire that should. */
  private async bring(path: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { carrier } = this;
    const carried = await carrier?.read(path, signal);
    if (carried?.beforeValue === true) await carrier?.apply(path, carried, signal);
    const insight = this.planned.work.values.has(path) ? this.planned.origin.get(path) : undefined;
    const arrived = insight === undefined || (await this.copy(path, insight, signal));
    if (carried?.beforeValue === false && arrived) await carrier?.apply(path, carried, signal);
  }

  /** @returns whether the destination has the secret now */
  private async copy(path: string, insight: Insight, signal: AbortSignal): Promise<boolean> {
    const { deps, report, incomplete, onProgress } = this.context;
    const { bucket } = this.planned;
    signal.throwIfAborted();
    const withoutSettings = this.carrier?.isMissing(path) === true;
    let arrived = true;
    try {
      const options = { compareFirst: bucket.mayHave(path), isOurs: bucket.names.has(path), withoutSettings };
      const { did, claim, isThere, ends, conflict } = await copySecret(deps, path, insight, options, signal);
      report.count('read');
      report.count(did === 'kept' ? 'held' : did);
      if (did === 'kept') {
        arrived = false;
        this.kept.add(path);
      }
      // Reported, and no failure.
      if (conflict === true) report.note(path, did === 'kept' ? 'kept' : 'overwritten');
      // If the value is not there, its end is unknown: the stored one stays, and the secret is checked again.
      if (isThere) this.expiries.note(path, ends);
      // The claim comes after the secret.
      if (claim) bucket.claim(path, insight);
      // A newer value than the info names: not claimed, but named, so that it is deleted if the origin has none the
      // next time.
      else if (isThere && !bucket.claims.has(path)) bucket.unverify(path, insight);
    } catch (error) {
      const failure = failureOfPath(error, signal);
      arrived = false;
      incomplete.add(this.id);
      // Why it waits was reported with its settings.
      if (failure !== 'waits-for-settings' || this.carrier?.hasFailed(path) !== true)
        report.fail(path, failure, 'failed', whereFailed(deps, path, error));
    }
    onProgress();
    await bucket.checkpoint();
    return arrived;
  }
}
