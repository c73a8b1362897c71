import { WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError, type Client } from '@temporalio/client';
import { taskQueue, watchId } from '../contract/ids';

/** `running`, `missing`, or how it ended (`terminated`, `canceled`, `failed`, …). */
export type WatchState = string;

/** The state of a destination's watch. */
export async function watchState(client: Client, name: string): Promise<WatchState> {
  try {
    const { status } = await client.workflow.getHandle(watchId(name)).describe();
    return status.name.toLowerCase();
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return 'missing';
    throw error;
  }
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
  try {
    // Terminated, not cancelled: there is nothing to clean up, and a cancel needs a worker.
    await client.workflow.getHandle(watchId(name)).terminate(reason);
    return true;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}
