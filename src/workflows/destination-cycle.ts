import { CancellationScope, CancelledFailure, patched, proxyActivities } from '@temporalio/workflow';
import type { DestinationActivities } from '../activities';
import { CLEANUP_OPTIONS, LOOK_OPTIONS, NOTE_OPTIONS, sharedOptions, workOptions } from './activity-options';
import { forEachBounded } from './bounded';
import { Cycle, cycleFailure } from './cycle';
import { raise } from './raise';
import {
  standingOf,
  type ActivityInput,
  type CycleInput,
  type CycleResult,
  type DestinationPreflightResult,
  type DiffIndicesResult,
  type GroupsOfWork,
  type GuardDeletesResult,
  type HeldInBucket,
  type Outcome,
} from '../contract/messages';
import { NO_EXPIRY, sumOf, type ExpirySummary } from '../rules/expiry';
import { DEFAULT_GROUPS_IN_FLIGHT } from '../limits';

/** Since this change the groups are those of guardDeletes. */
const WORK_IN_GROUPS = 'work-in-groups';

const UNFINISHED: ReadonlySet<Outcome> = new Set(['timed-out', 'cancelled', 'failed']);

/** Failures after which nothing is saved. */
const HANDS_OFF: ReadonlySet<string> = new Set(['Conflict', 'ConfigChanged']);

/**
 * One destination cycle: compare the indices, let the guard decide about deletes, copy what differs, and save what
 * has arrived. Also after a timeout, a cancel or a failure, the destination's info claims what was applied, and
 * nothing else.
 */
export async function destinationCycle(input: CycleInput): Promise<CycleResult> {
  const { preflight, diffIndices } = proxyActivities<DestinationActivities>(LOOK_OPTIONS);
  const { moveClaims, guardDeletes, deleteOrphans } = proxyActivities<DestinationActivities>(
    workOptions(input.timeoutMs),
  );
  const { copySecrets } = proxyActivities<DestinationActivities>(sharedOptions(input.timeoutMs));
  const { saveSyncInfo } = proxyActivities<DestinationActivities>(CLEANUP_OPTIONS);
  const { tellOutages } = proxyActivities<DestinationActivities>(NOTE_OPTIONS);
  const base: ActivityInput = { v: 1, fingerprint: input.fingerprint };
  const cycle = new Cycle();
  let checked: DestinationPreflightResult | undefined;
  let diff: DiffIndicesResult | undefined;
  let guard: GuardDeletesResult = { v: 1, deletes: true, known: {} };
  const settled: HeldInBucket[] = [];
  let work: GroupsOfWork = { groups: [], atOnce: DEFAULT_GROUPS_IN_FLIGHT };
  let copied = 0;
  const deletedIn: Record<string, number> = {};
  let newExpiries: ExpirySummary | undefined;

  /** The index is made from the buckets that are really there: saving it is safe however the copying ended. */
  const save = (outcome: Outcome): Promise<void> =>
    cycle.step('saveSyncInfo', () =>
      CancellationScope.nonCancellable(async () => {
        if (checked === undefined || diff?.considered === undefined || diff.move) return;
        const { mounts, changedMounts, ownMounts } = checked;
        const { groups, indexRevision, settingsRevision, considered, expiries } = diff;
        const { held, known, candidates, approved = false } = guard;
        // An unfinished cycle has not dealt with the origin's index: the watch has to wake the next one.
        const finished = !UNFINISHED.has(outcome);
        const done = { buckets: groups.flat(), outcome, finished, counts: cycle.counts, settled };
        const revisions = { indexRevision, ...(settingsRevision === undefined ? {} : { settingsRevision }) };
        const ground = { ...revisions, considered, mounts, changedMounts, ownMounts };
        const deletes = {
          deleted: deletedIn,
          known,
          approved,
          ...(held && { held }),
          ...(candidates && { candidates }),
        };
        const ends = { ...(expiries && { expiries }), ...(newExpiries && { newExpiries }) };
        await saveSyncInfo({ ...base, ...done, ...ground, ...deletes, ...ends });
      }),
    );

  try {
    const ended = await cycle.run(input.timeoutMs, async () => {
      checked = await cycle.step('preflight', () => preflight(base));
      cycle.add(checked);
      const { mounts, ownMounts, changed, removeOrphans, expired } = checked;
      const compared = { ...base, changed, ...(expired && { expired }) };
      diff = await cycle.step('diffIndices', () => diffIndices(compared));
      if (diff.move) {
        await cycle.step('moveClaims', () => moveClaims({ ...base, mounts, ownMounts }));
        diff = await cycle.step('diffIndices', () => diffIndices({ ...base, changed: false }));
      }
      const { groups, indexRevision, considered = '' } = diff;
      cycle.add({ counts: { held: diff.held }, failures: [] });
      if (diff.unknownSettings !== undefined)
        cycle.add({ counts: { unknown: 1 }, failures: [diff.unknownSettings] });
      if (groups.length > 0) {
        guard = await cycle.step('guardDeletes', () =>
          guardDeletes({ ...base, buckets: groups.flat(), considered, mounts }),
        );
      }
      const { deletes } = guard;
      work = { groups, atOnce: DEFAULT_GROUPS_IN_FLIGHT };
      // Not because guardDeletes says so alone: it may have run on a newer worker than the workflow did until here.
      if (guard.work !== undefined && patched(WORK_IN_GROUPS)) work = guard.work;
      const bound = { most: work.atOnce };
      const look = diff.expiries === undefined ? {} : ({ expiries: true } as const);
      await cycle.step('copySecrets', () =>
        forEachBounded(work.groups, bound, async (buckets) => {
          const done = await copySecrets({
            ...base,
            ...look,
            buckets,
            mounts,
            indexRevision,
            considered,
            deletes,
          });
          raise(bound, done);
          cycle.add(done);
          for (const [mount, count] of Object.entries(done.deleted))
            deletedIn[mount] = (deletedIn[mount] ?? 0) + count;
          settled.push(...done.settled);
          if (done.expiries !== undefined) newExpiries = sumOf(newExpiries ?? NO_EXPIRY, done.expiries);
          if (done.finished) copied++;
        }),
      );
      if (removeOrphans !== undefined)
        cycle.add(await cycle.step('deleteOrphans', () => deleteOrphans({ ...base, hash: removeOrphans })));
    });

    if (ended === 'cancelled') {
      await save('cancelled');
      throw new CancelledFailure('the cycle was cancelled; what had arrived until then is kept');
    }
    if (ended === 'timed-out') {
      await save('timed-out');
      return await cycle.endTimedOut(
        `${copied} of ${work.groups.length} groups done in time; the next cycle goes on from there`,
        (sinceMs) => tellOutages({ ...base, sinceMs }),
      );
    }
    const { added, updated, deleted, settings, skipped } = cycle.counts;
    const changed = cycle.outcome(added + updated + deleted + settings + skipped > 0);
    const outcome = guard.held === undefined || changed === 'partial' ? changed : 'held';
    if (!isKnown(outcome)) await save(outcome);
    if (diff?.considered === undefined)
      return cycle.end(outcome, 'the origin has not written any sync info yet');
    const notes = [guard.held && heldNote(guard.held), diff.note, expiryNote(newExpiries)].filter(
      (note) => note !== undefined,
    );
    return cycle.end(outcome, notes.length === 0 ? undefined : notes.join('; '));
  } catch (error) {
    if (error instanceof CancelledFailure) throw error;
    const failure = cycleFailure(error);
    // Whoever else works on this sync path, or on another configuration, is not to be disturbed.
    if (!HANDS_OFF.has(failure.type ?? '')) await save('failed').catch(() => undefined);
    throw failure;
  }

  /** Nothing was done, and the last cycle wrote down all there is to say. */
  function isKnown(outcome: Outcome): boolean {
    const left = checked?.left;
    return (
      diff?.groups.length === 0 &&
      diff.expiries === undefined &&
      checked?.removeOrphans === undefined &&
      left !== undefined &&
      left.considered === diff.considered &&
      standingOf(left.outcome) === standingOf(outcome)
    );
  }
}

function heldNote({ count, reason }: NonNullable<GuardDeletesResult['held']>): string {
  return `${count} deletes wait for an approval (vsync approve -c FILE): ${reason}`;
}

function expiryNote(ends: ExpirySummary | undefined): string | undefined {
  if (ends === undefined || ends.early <= 0) return undefined;
  return `${ends.early} more copies end before their originals do (delete_version_after at the destination): vsync status`;
}
