import { CancellationScope, CancelledFailure, proxyActivities } from '@temporalio/workflow';
import { CLEANUP_OPTIONS, PREFLIGHT_OPTIONS, sharedOptions, workOptions } from './activity-options';
import { Cycle, cycleFailure, dispatch, noteOf } from './cycle';
import {
  sameOutcome,
  type ActivityInput,
  type CycleInput,
  type CycleResult,
  type Outcome,
} from '../contract/cycle';
import type {
  CopySecretsResult,
  DestinationActivities,
  DestinationPreflightResult,
  DiffIndicesResult,
  GroupsOfWork,
  GuardDeletesResult,
  RetainedInBucket,
} from '../contract/destination';
import { DEFAULT_GROUPS_IN_FLIGHT } from '../limits';
import { NO_EXPIRY, sumOf, type ExpirySummary } from '../rules/expiry';

/** Such a cycle has not handled the origin's index, so the watch has to wake the next one. */
const UNFINISHED: ReadonlySet<Outcome> = new Set(['timed-out', 'cancelled', 'failed']);

/** Some copies end by themselves: their buckets have to be checked. */
const EXPIRIES = { expiries: true } as const;

/** Failures after which nothing is saved: another sync, or another configuration, uses this sync path. */
const HANDS_OFF: ReadonlySet<string> = new Set(['Conflict', 'ConfigChanged']);

/**
 * One destination cycle: compare the indices, let the guard decide about deletes, copy what differs, and save the
 * index. The save also runs after a timeout, a cancel or a failure: the destination's info then claims what was
 * applied, and nothing else. The destination's schedule starts this workflow; the watch triggers that schedule.
 */
export function destinationCycle(input: CycleInput): Promise<CycleResult> {
  return new DestinationCycle(input).run();
}

class DestinationCycle {
  private readonly cycle: Cycle;
  private readonly base: ActivityInput;
  /** Activities before the work, and those that are the work. */
  private readonly before = proxyActivities<DestinationActivities>(PREFLIGHT_OPTIONS);
  private readonly during: DestinationActivities;
  private checked: DestinationPreflightResult | undefined;
  private diff: DiffIndicesResult | undefined;
  private guard: GuardDeletesResult = { v: 1, deletes: true, known: {} };
  private work: GroupsOfWork = { groups: [], dispatchWidth: DEFAULT_GROUPS_IN_FLIGHT };
  private copiedGroups = 0;
  private readonly knownDifferences: RetainedInBucket[] = [];
  /** By mount of the origin. */
  private readonly deleted: Record<string, number> = {};
  private newExpiries: ExpirySummary | undefined;

  constructor(private readonly input: CycleInput) {
    this.cycle = new Cycle(input);
    this.base = { v: 1, fingerprint: input.fingerprint };
    this.during = proxyActivities<DestinationActivities>(workOptions(input.timeoutMs));
  }

  async run(): Promise<CycleResult> {
    try {
      const ended = await this.cycle.run(this.input.timeoutMs, () => this.apply());
      if (ended === 'finished') return await this.finish();
      await this.save(ended);
      if (ended === 'cancelled') {
        this.cycle.logEnd('cancelled');
        throw new CancelledFailure('the cycle was cancelled; what had arrived until then is kept');
      }
      const done = `${this.copiedGroups} of ${this.work.groups.length} groups done in time`;
      return await this.cycle.endTimedOut(this.input, `${done}; the next cycle goes on from there`);
    } catch (error) {
      if (error instanceof CancelledFailure) throw error;
      const failure = cycleFailure(error);
      if (!HANDS_OFF.has(failure.type ?? '')) await this.save('failed').catch(() => undefined);
      this.cycle.logEnd('failed', noteOf(failure));
      throw failure;
    }
  }

  private async apply(): Promise<void> {
    const { preflight } = this.before;
    const { guardDeletes, deleteOrphans } = this.during;
    const { base, cycle } = this;
    const checked = await cycle.step('preflight', () => preflight(base));
    this.checked = checked;
    cycle.add(checked);
    const { mounts, removeOrphans } = checked;
    const diff = await this.compare(checked);
    const { groups, considered = '', retained, unknownSettings } = diff;
    cycle.add({ counts: { held: retained }, failures: [] });
    if (unknownSettings !== undefined) cycle.add({ counts: { unknown: 1 }, failures: [unknownSettings] });
    if (groups.length > 0) {
      this.guard = await cycle.step('guardDeletes', () =>
        guardDeletes({ ...base, buckets: groups.flat(), considered, mounts }),
      );
    }
    this.work = this.guard.work ?? { groups, dispatchWidth: DEFAULT_GROUPS_IN_FLIGHT };
    await cycle.step('copySecrets', () => this.copy(mounts, diff));
    if (removeOrphans !== undefined)
      cycle.add(await cycle.step('deleteOrphans', () => deleteOrphans({ ...base, hash: removeOrphans })));
  }

  /** Compares the indices, after the claims have been moved if that is needed. */
  private async compare(checked: DestinationPreflightResult): Promise<DiffIndicesResult> {
    const { mounts, ownMounts, changed, expired } = checked;
    const { base, cycle } = this;
    const { diffIndices } = this.before;
    this.diff = await cycle.step('diffIndices', () =>
      diffIndices({ ...base, changed, ...(expired && { expired }) }),
    );
    if (!this.diff.move) return this.diff;
    await cycle.step('moveClaims', () => this.during.moveClaims({ ...base, mounts, ownMounts }));
    this.diff = await cycle.step('diffIndices', () => diffIndices({ ...base, changed: false }));
    return this.diff;
  }

  private copy(
    mounts: Record<string, string>,
    { indexRevision, considered = '', expiries }: DiffIndicesResult,
  ): Promise<void> {
    const { copySecrets } = proxyActivities<DestinationActivities>(sharedOptions(this.input.timeoutMs));
    const { deletes } = this.guard;
    const common = { ...this.base, mounts, indexRevision, considered, deletes, ...(expiries && EXPIRIES) };
    return dispatch(this.work.groups, this.work.dispatchWidth, async (buckets) => {
      const result = await copySecrets({ ...common, buckets });
      this.add(result);
      return result;
    });
  }

  private add(result: CopySecretsResult): void {
    this.cycle.add(result);
    for (const [mount, count] of Object.entries(result.deleted))
      this.deleted[mount] = (this.deleted[mount] ?? 0) + count;
    this.knownDifferences.push(...result.knownDifferences);
    if (result.expiries !== undefined)
      this.newExpiries = sumOf(this.newExpiries ?? NO_EXPIRY, result.expiries);
    if (result.oldestMs !== undefined) this.cycle.noteBehind(result.oldestMs);
    if (result.finished) this.copiedGroups++;
  }

  private async finish(): Promise<CycleResult> {
    const { added, updated, deleted, settings, skipped } = this.cycle.counts;
    const { pendingDeletes } = this.guard;
    const copied = this.cycle.outcome(added + updated + deleted + settings + skipped > 0);
    const outcome = pendingDeletes === undefined || copied === 'partial' ? copied : 'held';
    if (!this.isSaved(outcome)) await this.save(outcome);
    if (this.diff?.considered === undefined)
      return this.cycle.end(outcome, 'the origin has not written any sync info yet');
    const notes = [
      pendingDeletes &&
        `${pendingDeletes.count} deletes wait for an approval (vsync approve -c FILE): ${pendingDeletes.reason}`,
      this.diff.note,
      expiryNote(this.newExpiries),
    ].filter((note) => note !== undefined);
    return this.cycle.end(outcome, notes.length === 0 ? undefined : notes.join('; '));
  }

  /** Nothing was done, and what the last cycle saved is still true. */
  private isSaved(outcome: Outcome): boolean {
    const { lastCycle, removeOrphans } = this.checked ?? {};
    return (
      this.diff?.groups.length === 0 &&
      this.diff.expiries === undefined &&
      removeOrphans === undefined &&
      lastCycle !== undefined &&
      lastCycle.considered === this.diff.considered &&
      sameOutcome(lastCycle.outcome, outcome)
    );
  }

  /** The index is made from the buckets that are really stored, so the save is safe however the copying ended. */
  private save(outcome: Outcome): Promise<void> {
    const { saveSyncInfo } = proxyActivities<DestinationActivities>(CLEANUP_OPTIONS);
    const { base, cycle, checked, diff, knownDifferences, deleted, newExpiries } = this;
    return cycle.step('saveSyncInfo', () =>
      CancellationScope.nonCancellable(async () => {
        if (checked === undefined || diff?.considered === undefined || diff.move) return;
        const { mounts, changedMounts, ownMounts } = checked;
        const { groups, indexRevision, settingsRevision, considered, expiries } = diff;
        const { pendingDeletes, known, candidates, approved = false } = this.guard;
        await saveSyncInfo({
          ...base,
          buckets: groups.flat(),
          outcome,
          finished: !UNFINISHED.has(outcome),
          counts: cycle.counts,
          knownDifferences,
          indexRevision,
          ...(settingsRevision !== undefined && { settingsRevision }),
          considered,
          mounts,
          changedMounts,
          ownMounts,
          deleted,
          known,
          approved,
          ...(pendingDeletes && { pendingDeletes }),
          ...(candidates && { candidates }),
          ...(expiries && { expiries }),
          ...(newExpiries && { newExpiries }),
        });
      }),
    );
  }
}

function expiryNote(ends: ExpirySummary | undefined): string | undefined {
  if (ends === undefined || ends.early <= 0) return undefined;
  return `${ends.early} more copies end before their originals do (delete_version_after at the destination): vsync status`;
}
