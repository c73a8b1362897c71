import { ScheduleNotFoundError, ScheduleOverlapPolicy, type Client } from '@temporalio/client';
import { readDestinationState } from '../../../sync-info/state';
import { scheduleId } from '../../../contract/ids';
import { consideredOf } from '../../../rules/sync-index';
import type { WakeDestinationResult } from '../../../contract/messages';
import type { DestinationDeps } from '../base/deps';
import { readOriginSettings } from '../base/settings-indices';

/**
 * Starts a cycle through the schedule if the destination has not dealt with the origin's current index yet. It
 * looks at the level, not at the edge: a signal that was lost or came twice makes no difference.
 *
 * A paused schedule is left alone, although Temporal would run a trigger on it.
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
  if (state?.considered === consideredOf(index, settings.index)) return answer('considered');

  const schedule = client.schedule.getHandle(scheduleId('destination', config.name));
  try {
    const description = await schedule.describe();
    if (description.state.paused) return answer('paused');
    // A cycle under way may already deal with this index; if the change is news, one more cycle has to follow it.
    if (!whileRunning && description.info.runningActions.length > 0) return answer('running');
    // Without a policy, trigger() would start a cycle beside a running one.
    await schedule.trigger(ScheduleOverlapPolicy.BUFFER_ONE);
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) return answer('waiting');
    throw error;
  }
  return answer('triggered');
}
