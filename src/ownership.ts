import { ScheduleNotFoundError, type Client, type ScheduleDescription } from '@temporalio/client';
import { scheduleId, type Role } from './names';

export { assertSameSync, identity } from './starter';

/** A schedule, or undefined if there is none. */
export async function findSchedule(
  client: Client,
  role: Role,
  name: string,
): Promise<ScheduleDescription | undefined> {
  try {
    return await client.schedule.getHandle(scheduleId(role, name)).describe();
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) return undefined;
    throw error;
  }
}
