import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { watchId } from '../../src/contract/ids';

/**
 * Puts a workflow that no worker takes in the place of a destination's watch: it starts no cycle, and no worker makes
 * another watch, as it would where there is none.
 */
export async function quietWatch(client: Client, name: string): Promise<void> {
  const workflowId = watchId(name);
  await client.workflow.start('quietWatch', {
    workflowId,
    taskQueue: `${workflowId}:nobody`,
    workflowIdConflictPolicy: 'TERMINATE_EXISTING',
  });
}

/** Ends it, so that `vsync start` makes a real watch again. */
export async function endQuietWatch(client: Client, name: string): Promise<void> {
  const handle = client.workflow.getHandle(watchId(name));
  const found = await handle.describe().catch((error: unknown) => {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  });
  if (found?.type === 'quietWatch' && found.status.name === 'RUNNING') await handle.terminate();
}
