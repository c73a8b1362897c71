import { CancellationScope, CancelledFailure, proxyActivities } from '@temporalio/workflow';
import { PREFLIGHT_OPTIONS, sharedOptions, workOptions } from './activity-options';
import { Cycle, cycleFailure, dispatch, noteOf } from './cycle';
import type { ActivityInput, CycleInput, CycleResult } from '../contract/cycle';
import type { ListPathsResult, OriginActivities } from '../contract/origin';

/**
 * One origin cycle: list the paths, fetch their metadata, then publish the sync info whole or not at all. An unfinished
 * walk is no evidence of anything. With a feed, `listPaths` may find that only some paths have to be read. A save that an earlier cycle left half-way is finished first: from its first live
 * write on it only goes forward. The origin's schedule starts this workflow.
 */
export async function originCycle(input: CycleInput): Promise<CycleResult> {
  const { preflight } = proxyActivities<OriginActivities>(PREFLIGHT_OPTIONS);
  const { listPaths, saveSyncInfo } = proxyActivities<OriginActivities>(workOptions(input.timeoutMs));
  const { fetchMetadata } = proxyActivities<OriginActivities>(sharedOptions(input.timeoutMs));
  const base: ActivityInput = { v: 1, fingerprint: input.fingerprint };
  const cycle = new Cycle(input);
  let listing: ListPathsResult | undefined;
  const staged: string[] = [];
  /** Lists of versions that end by themselves, and when the first one does. */
  const ends: string[] = [];
  let nextEndMs = Infinity;

  try {
    const ended = await cycle.run(input.timeoutMs, async () => {
      const { pendingSave } = await cycle.step('preflight', () => preflight(base));
      if (pendingSave)
        await cycle.step('finishSave', () => CancellationScope.nonCancellable(() => saveSyncInfo(base)));
      const listed = await cycle.step('listPaths', () => listPaths(base));
      cycle.add(listed);
      const { manifest, chunks, dispatchWidth } = listed;
      await cycle.step('fetchMetadata', () =>
        dispatch([...Array(chunks).keys()], dispatchWidth, async (chunk) => {
          const fetched = await fetchMetadata({ ...base, manifest, chunk });
          cycle.add(fetched);
          if (fetched.staged !== undefined) staged.push(fetched.staged);
          if (fetched.ends !== undefined) ends.push(fetched.ends);
          nextEndMs = Math.min(nextEndMs, fetched.nextEndMs ?? Infinity);
          return fetched;
        }),
      );
      listing = listed;
    });

    if (ended === 'cancelled') {
      cycle.logEnd('cancelled');
      throw new CancelledFailure('the cycle was cancelled; nothing was published');
    }
    if (ended === 'timed-out' || listing === undefined) {
      const words = `not finished within ${input.timeoutMs / 1000} s, so nothing was published`;
      return await cycle.endTimedOut(input, words);
    }
    const { manifest, indexRevision, settingsIndexRevision } = listing;
    const outcome = cycle.outcome(staged.length > 0);
    const save = {
      manifest,
      staged,
      indexRevision,
      ...(settingsIndexRevision !== undefined && { settingsIndexRevision }),
      outcome,
      counts: cycle.counts,
      ...(ends.length > 0 && { ends, nextEndMs }),
    };
    await cycle.step('saveSyncInfo', () =>
      CancellationScope.nonCancellable(() => saveSyncInfo({ ...base, save })),
    );
    return cycle.end(outcome, listing.note);
  } catch (error) {
    if (error instanceof CancelledFailure) throw error;
    const failure = cycleFailure(error);
    cycle.logEnd('failed', noteOf(failure));
    throw failure;
  }
}
