import {
  ScheduleNotFoundError,
  type Client,
  type ScheduleDescription,
  type ScheduleHandle,
} from '@temporalio/client';
import { scheduleId, type Role } from '../contract/ids';
import { UserError } from '../errors';

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

/** Describes a schedule. @throws UserError if there is none */
export async function describeSchedule(handle: ScheduleHandle): Promise<ScheduleDescription> {
  try {
    return await handle.describe();
  } catch (error) {
    if (!(error instanceof ScheduleNotFoundError)) throw error;
    throw new UserError(`there is no schedule ${handle.scheduleId}: create it with "vsync start -c FILE"`);
  }
}

/** One cycle in Temporal. Cycles that were requested in the same second share a workflow id, but not a run id. */
export interface CycleId {
  workflowId: string;
  runId: string;
  takenAt: Date;
}

/** The cycles that a schedule started last, oldest first; at most ten. */
export function cyclesOf({ info }: ScheduleDescription): CycleId[] {
  return info.recentActions.map(({ action: { workflow }, takenAt }) => {
    return { workflowId: workflow.workflowId, runId: workflow.firstExecutionRunId, takenAt };
  });
}
