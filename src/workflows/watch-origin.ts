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
import { WAKE_OPTIONS, WATCH_OPTIONS, WATCH_RUN_MS } from './activity-options';
import {
  ORIGIN_CHANGED,
  type OriginChangedSignal,
  type WatchActivities,
  type WatchInput,
} from '../contract/destination';
import { FAILED_WATCH_PAUSE_MS, FIRST_WATCH_PAUSE_MS } from '../limits';

export const originChanged = defineSignal<[OriginChangedSignal]>(ORIGIN_CHANGED);

/**
 * The watch of one destination. It triggers the destination's schedule soon after the origin's index changed, and asks
 * again until the destination has handled the change. It lives until `vsync stop`, and continues as new to keep its
 * history short.
 */
export async function watchOrigin(input: WatchInput): Promise<void> {
  const { watchIndex } = proxyActivities<WatchActivities>(WATCH_OPTIONS);
  const { wakeDestination } = proxyActivities<WatchActivities>(WAKE_OPTIONS);
  const startedMs = Date.now();
  // An object, because TypeScript takes a plain variable for unchanged in the loop below.
  const seen = { changed: false, pollEnded: false };
  setHandler(originChanged, () => {
    seen.changed = true;
  });

  const poll = new CancellationScope();
  const polling = poll
    .run(() => watchIndex(input))
    .catch(async (error: unknown) => {
      if (isCancellation(error)) return;
      // Its time is over, or retries do not help, as with a wrong token. A minute later the watch continues as new.
      setCurrentDetails('the long poll of Consul failed; starting anew in a minute');
      await sleep(FAILED_WATCH_PAUSE_MS);
    })
    .then(() => {
      seen.pollEnded = true;
    });
  const isOver = (): boolean => seen.pollEnded || workflowInfo().continueAsNewSuggested;
  const remainingMs = (): number => Math.max(1, startedMs + WATCH_RUN_MS - Date.now());

  let waitMs: number | undefined; // until it asks again; undefined: nothing to ask
  while (!isOver() && Date.now() - startedMs < WATCH_RUN_MS) {
    await condition(() => seen.changed || isOver(), Math.min(waitMs ?? remainingMs(), remainingMs()));
    if (isOver() || (!seen.changed && waitMs === undefined)) continue;
    const news = seen.changed;
    seen.changed = false;
    // The watch outlives an outage of Consul.
    const woken = await wakeDestination({ v: 1, whileRunning: news }).catch((error: unknown) => {
      if (isCancellation(error)) throw error;
      return undefined;
    });
    setCurrentDetails(woken?.action ?? 'cannot read Consul or the schedule; trying again');
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
