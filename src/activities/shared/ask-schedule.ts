import { ScheduleNotFoundError, type Client, type ScheduleDescription } from '@temporalio/client';
import { orAborted, withinMs } from '../../concurrency/abort';
import { scheduleId, type Role } from '../../contract/ids';

/**
 * Describes a schedule for a push, which waits for the answer. If an answer is late, the next question is often answered at
 * once (see PUSH_SCHEDULE_MS).
 *
 * @param timesMs of one question after the other
 * @returns undefined if there is no schedule
 * @throws what the last question ended with
 */
export async function askSchedule(
  client: Client,
  role: Role,
  name: string,
  timesMs: readonly number[],
  signal: AbortSignal,
): Promise<ScheduleDescription | undefined> {
  const handle = client.schedule.getHandle(scheduleId(role, name));
  let failure: unknown;
  for (const ms of timesMs) {
    const ask = () => client.withDeadline(Date.now() + ms, () => handle.describe());
    try {
      // The SDK's connection of a worker does not take a signal.
      return await withinMs(ms, signal, (soon) => orAborted(ask(), soon));
    } catch (error) {
      if (error instanceof ScheduleNotFoundError) return undefined;
      failure = error;
      if (signal.aborted) break;
    }
  }
  throw failure;
}
