import {
  ScheduleNotFoundError,
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
  type Client,
  type ScheduleDescription,
  type ScheduleHandle,
} from '@temporalio/client';
import { scheduleId, taskQueue, watchId, type Role } from '../contract/ids';
import { UserError } from '../errors';

/** What some work with a schedule or a workflow returned; undefined if that does not exist. */
export async function ifThere<T>(work: () => Promise<T>): Promise<{ result: T } | undefined> {
  try {
    return { result: await work() };
  } catch (error) {
    if (error instanceof ScheduleNotFoundError || error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}

export async function findSchedule(
  client: Client,
  role: Role,
  name: string,
): Promise<ScheduleDescription | undefined> {
  const handle = client.schedule.getHandle(scheduleId(role, name));
  return (await ifThere(() => handle.describe()))?.result;
}

/** @throws UserError if there is none */
export async function describeSchedule(handle: ScheduleHandle): Promise<ScheduleDescription> {
  const found = await ifThere(() => handle.describe());
  if (found !== undefined) return found.result;
  throw new UserError(`there is no schedule ${handle.scheduleId}: create it with "vsync start -c FILE"`);
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

/** `running`, `missing`, or how it ended (`terminated`, `canceled`, `failed`, …). */
export type WatchState = string;

export async function watchState(client: Client, name: string): Promise<WatchState> {
  const found = await ifThere(() => client.workflow.getHandle(watchId(name)).describe());
  return found?.result.status.name.toLowerCase() ?? 'missing';
}

/** What it means that a watch does not run, for messages. */
export function deadWatch(name: string, state: WatchState): string {
  return (
    `${watchId(name)} is ${state}: changes at the origin wait for the next tick; a worker starts it again within a ` +
    'minute, as does "vsync start -c FILE"'
  );
}

/** Starts the watch of a destination unless it runs. */
export async function ensureWatch(client: Client, name: string): Promise<void> {
  try {
    await client.workflow.start('watchOrigin', {
      workflowId: watchId(name),
      taskQueue: taskQueue('destination', name),
      args: [{ v: 1, name }],
      staticSummary: `Starts a cycle of ${name} soon after the origin changed`,
    });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}

/** Ends the watch of a destination. @returns false if none was running */
export async function endWatch(client: Client, name: string, reason: string): Promise<boolean> {
  // Terminated, not cancelled: there is nothing to clean up, and a cancel needs a worker.
  return (await ifThere(() => client.workflow.getHandle(watchId(name)).terminate(reason))) !== undefined;
}
