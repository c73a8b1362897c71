import {
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNew,
  defineSignal,
  isCancellation,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import type { DestinationActivities } from '../activities';
import { WAKE_OPTIONS, WATCH_OPTIONS, WATCH_RUN_MS } from './activity-options';
import {
  ORIGIN_CHANGED,
  type OriginChangedSignal,
  type WakeDestinationResult,
  type WatchInput,
} from '../contract/messages';
import { FAILED_WATCH_PAUSE_MS, FIRST_WATCH_PAUSE_MS } from '../limits';

export const originChanged = defineSignal<[OriginChangedSignal]>(ORIGIN_CHANGED);

/**
 * The watch of one destination: it starts a cycle soon after the origin's index changed, and looks again until
 * the destination has dealt with it. Lives until it is stopped, and continues as new to keep its history short.
 */
export async function watchOrigin(input: WatchInput): Promise<void> {
  const { watchIndex } = proxyActivities<DestinationActivities>(WATCH_OPTIONS);
  const { wakeDestination } = proxyActivities<DestinationActivities>(WAKE_OPTIONS);
  const startedMs = Date.now();
  // An object, because it changes while the loop below waits.
  const seen = { changed: false, pollEnded: false };
  setHandler(originChanged, () => {
    seen.changed = true;
  });

  const poll = new CancellationScope();
  const polling = poll
    .run(() => watchIndex(input))
    .catch(async (error: unknown) => {
      if (isCancellation(error)) return;
      // Its time is over, or it met something that no retry helps, such as a wrong token: not to be repeated at once.
      setCurrentDetails('the long poll of Consul failed; starting anew in a minute');
      await sleep(FAILED_WATCH_PAUSE_MS);
    })
    .then(() => {
      seen.pollEnded = true;
    });
  const isOver = (): boolean => seen.pollEnded || workflowInfo().continueAsNewSuggested;
  const remainingMs = (): number => Math.max(1, startedMs + WATCH_RUN_MS - Date.now());

  let waitMs: number | undefined; // until the next look; undefined: nothing to look for
  while (!isOver() && Date.now() - startedMs < WATCH_RUN_MS) {
    await condition(() => seen.changed || isOver(), Math.min(waitMs ?? remainingMs(), remainingMs()));
    if (isOver() || (!seen.changed && waitMs === undefined)) continue;
    const news = seen.changed;
    seen.changed = false;
    const woken = await wake(() => wakeDestination({ v: 1, whileRunning: news }));
    setCurrentDetails(woken?.action ?? 'cannot look at Consul or the schedule; trying again');
    if (woken?.action === 'considered') waitMs = undefined;
    else
      waitMs = Math.min(
        news ? FIRST_WATCH_PAUSE_MS : 2 * (waitMs ?? FIRST_WATCH_PAUSE_MS),
        woken?.maxWaitMs ?? Infinity,
      );
  }

  poll.cancel();
  await polling;
  await condition(allHandlersFinished);
  await continueAsNew<typeof watchOrigin>(input);
}

/** @returns undefined if it could not be done now: the watch outlives an outage of Consul */
async function wake(ask: () => Promise<WakeDestinationResult>): Promise<WakeDestinationResult | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (isCancellation(error)) throw error;
    return undefined;
  }
}
