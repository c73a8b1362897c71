import { CancellationScope, CancelledFailure, patched, proxyActivities } from '@temporalio/workflow';
import type { OriginActivities } from '../activities';
import { LOOK_OPTIONS, NOTE_OPTIONS, sharedOptions, workOptions } from './activity-options';
import { forEachBounded } from './bounded';
import { Cycle, cycleFailure } from './cycle';
import { raise } from './raise';
import type { ActivityInput, CycleInput, CycleResult, ListPathsResult } from '../contract/messages';
import { DEFAULT_CHUNKS_IN_FLIGHT } from '../limits';

/** Since this change listPaths says how many. */
const CHUNKS_AS_ASKED = 'chunks-as-asked';

/**
 * One origin cycle: list the paths, fetch their metadata, then publish the sync info, or nothing of it.
 */
export async function originCycle(input: CycleInput): Promise<CycleResult> {
  const { preflight } = proxyActivities<OriginActivities>(LOOK_OPTIONS);
  const { listPaths, saveSyncInfo } = proxyActivities<OriginActivities>(workOptions(input.timeoutMs));
  const { fetchMetadata } = proxyActivities<OriginActivities>(sharedOptions(input.timeoutMs));
  const { tellOutages } = proxyActivities<OriginActivities>(NOTE_OPTIONS);
  const base: ActivityInput = { v: 1, fingerprint: input.fingerprint };
  const cycle = new Cycle();
  let listing: ListPathsResult | undefined;
  const staged: string[] = [];

  try {
    const ended = await cycle.run(input.timeoutMs, async () => {
      const { pendingSave } = await cycle.step('preflight', () => preflight(base));
      // From the first live write on there is only forward: finish what the last save began.
      if (pendingSave)
        await cycle.step('finishSave', () => CancellationScope.nonCancellable(() => saveSyncInfo(base)));
      const listed = await cycle.step('listPaths', () => listPaths(base));
      cycle.add(listed);
      // Not because listPaths says so alone: it may have run on a newer worker than the workflow did until here.
      const bound = { most: DEFAULT_CHUNKS_IN_FLIGHT };
      if (listed.atOnce !== undefined && patched(CHUNKS_AS_ASKED)) bound.most = listed.atOnce;
      await cycle.step('fetchMetadata', () =>
        forEachBounded([...Array(listed.chunks).keys()], bound, async (chunk) => {
          const fetched = await fetchMetadata({ ...base, manifest: listed.manifest, chunk });
          raise(bound, fetched);
          cycle.add(fetched);
          if (fetched.staged !== undefined) staged.push(fetched.staged);
        }),
      );
      listing = listed;
    });

    // The decision: a walk that was not finished is no evidence for anything, so nothing of it is published.
    if (ended === 'cancelled') throw new CancelledFailure('the cycle was cancelled; nothing was published');
    if (ended === 'timed-out' || listing === undefined) {
      return await cycle.endTimedOut(
        `not finished within ${input.timeoutMs / 1000} s, so nothing was published`,
        (sinceMs) => tellOutages({ ...base, sinceMs }),
      );
    }
    const { manifest, indexRevision, settingsIndexRevision } = listing;
    const outcome = cycle.outcome(staged.length > 0);
    const save = {
      manifest,
      staged,
      indexRevision,
      ...(settingsIndexRevision === undefined ? {} : { settingsIndexRevision }),
      outcome,
      counts: cycle.counts,
    };
    await cycle.step('saveSyncInfo', () =>
      CancellationScope.nonCancellable(() => saveSyncInfo({ ...base, save })),
    );
    return cycle.end(outcome);
  } catch (error) {
    if (error instanceof CancelledFailure) throw error;
    throw cycleFailure(error);
  }
}
