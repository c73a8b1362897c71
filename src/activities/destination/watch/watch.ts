import { activityInfo } from '@temporalio/activity';
import { type Client, ScheduleNotFoundError, ScheduleOverlapPolicy } from '@temporalio/client';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  ORIGIN_CHANGED,
  type OriginChangedSignal,
  type WakeDestinationResult,
} from '../../../contract/destination';
import { inParallel } from '../../../concurrency/work-pool';
import { WATCH_PAUSE_MS, WATCH_POLL_MS } from '../../../limits';
import type { DestinationDeps } from '../base/deps';
import { readDestinationState } from '../../../sync-info/state';
import { scheduleId } from '../../../contract/ids';
import { originVersionOf } from '../../../rules/bucket';
import { readOriginSettings } from '../base/settings-indices';

/**
 * Long-polls the origin's index in Consul (and that of its settings, where they are carried over), and signals the
 * watch workflow whenever the content changed, and once at the start. Never ends by itself. The content is compared,
 * because Consul's index also rises for other keys, and may fall after a restore.
 */
export async function watchIndex(
  { config, originInfo }: Pick<DestinationDeps, 'config' | 'originInfo'>,
  client: Client,
  signal: AbortSignal,
): Promise<void> {
  const { workflowExecution } = activityInfo();
  const watch = client.workflow.getHandle(workflowExecution?.workflowId ?? '');
  const { store, indexKey, settings } = originInfo;
  const keys = config.syncMetadata ? [indexKey, settings.indexKey] : [indexKey];
  let signalled: string | undefined;

  const signalNews = async (stop: AbortSignal): Promise<void> => {
    const values = await Promise.all(keys.map((key) => store.get(key, stop)));
    const contents = JSON.stringify(values.map((stored) => stored?.value.toString('utf8') ?? ''));
    // Compared and noted in one go, because the other key's poll may be here too.
    if (contents === signalled) return;
    signalled = contents;
    await watch.signal<[OriginChangedSignal]>(ORIGIN_CHANGED, { v: 1 });
  };
  const pause = (stop: AbortSignal): Promise<void> => sleep(WATCH_PAUSE_MS, undefined, { signal: stop });
  const poll = async (key: string, stop: AbortSignal): Promise<never> => {
    let seen: string | undefined;
    let index = 0;
    for (;;) {
      const answer = await store.waitForChange(key, index, WATCH_POLL_MS, stop);
      const content = answer.stored?.value.toString('utf8') ?? '';
      if (content !== seen) {
        // The index of the settings is written before the other one: one signal is enough for both.
        if (key !== indexKey) await pause(stop);
        await signalNews(stop);
        seen = content;
      }
      index = answer.index < index ? 0 : Math.max(1, answer.index);
      await pause(stop);
    }
  };
  // All of them: a poll never ends.
  await inParallel(keys, signal, poll, keys.length);
}

/**
 * Starts a cycle through the schedule if the destination has not dealt with the origin's current index yet. It
 * compares the state (the level, not the edge), so a signal that was lost or came twice makes no difference.
 */
export async function wakeDestination(
  deps: Pick<DestinationDeps, 'config' | 'originInfo' | 'info'>,
  client: Client,
  { whileRunning }: { whileRunning: boolean },
  signal: AbortSignal,
): Promise<WakeDestinationResult> {
  const { config, originInfo, info } = deps;
  const answer = (action: WakeDestinationResult['action']): WakeDestinationResult => ({
    v: 1,
    action,
    maxWaitMs: config.destination.tickMs,
  });
  const { index } = await originInfo.readIndex(signal);
  if (index === undefined) return answer('waiting');
  const { state } = await readDestinationState(info, signal);
  const settings = await readOriginSettings(deps, index.length, signal);
  if (state?.considered === originVersionOf(index, settings.index)) return answer('considered');

  const schedule = client.schedule.getHandle(scheduleId('destination', config.name));
  try {
    const description = await schedule.describe();
    // Temporal would run a trigger on a paused schedule too.
    if (description.state.paused) return answer('paused');
    // A cycle under way may already deal with this index; if the change is news, one more cycle has to follow it.
    if (!whileRunning && description.info.runningActions.length > 0) return answer('running');
    // Without a policy, trigger() would start a second cycle while one is running.
    await schedule.trigger(ScheduleOverlapPolicy.BUFFER_ONE);
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) return answer('waiting');
    throw error;
  }
  return answer('triggered');
}
