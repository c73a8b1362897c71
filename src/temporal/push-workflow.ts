import { WorkflowExecutionAlreadyStartedError, type Client } from '@temporalio/client';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import type { Clients } from '../activities/clients';
import { pushId, taskQueue } from '../contract/ids';
import { readOriginState } from '../sync-info/state';
import { findSchedule, ifThere } from './schedule';

/*
 * The workflow `vsync-push-<name>` takes changed paths for a destination. It also makes the destination known: its memo
 * names the origin, whose worker looks for it. It exists only if the origin has a feed.
 */

const WORKFLOW = 'pushChanges';
const ID_START = pushId('');

/** The origin that a destination takes changes from. */
const PushMemoSchema = z.object({
  v: z.literal(1),
  /** Identity of the origin's Vault. */
  cluster: z.string(),
  /** Of the origin's sync info. */
  syncPath: z.string(),
});
export type PushMemo = z.infer<typeof PushMemoSchema>;

export function pushMemo({ clusters, deps: { config } }: Clients): PushMemo {
  return { v: 1, cluster: clusters.origin, syncPath: config.origin.syncPath };
}

const memoOf = (memo: Record<string, unknown> | undefined): PushMemo | undefined =>
  PushMemoSchema.safeParse(memo?.['vsync']).data;

/** All running ones in the namespace that vsync started. */
export async function listPushes(
  client: Client,
): Promise<{ name: string; workflowId: string; memo: PushMemo }[]> {
  const found: { name: string; workflowId: string; memo: PushMemo }[] = [];
  const query = `WorkflowType = '${WORKFLOW}' AND ExecutionStatus = 'Running'`;
  for await (const { workflowId, memo: raw } of client.workflow.list({ query })) {
    const memo = memoOf(raw);
    if (memo === undefined || !workflowId.startsWith(ID_START)) continue;
    found.push({ name: workflowId.slice(ID_START.length), workflowId, memo });
  }
  return found;
}

/** Starts it, unless it runs for this origin. @returns whether it was started */
export async function ensurePush(client: Client, clients: Clients): Promise<boolean> {
  const { name } = clients.deps.config;
  const workflowId = pushId(name);
  const memo = pushMemo(clients);
  const found = (await ifThere(() => client.workflow.getHandle(workflowId).describe()))?.result;
  if (found?.status.name === 'RUNNING' && isDeepStrictEqual(memoOf(found.memo), memo)) return false;
  try {
    await client.workflow.start(WORKFLOW, {
      workflowId,
      taskQueue: taskQueue('destination', name),
      args: [{ v: 1, name }],
      memo: { vsync: memo },
      staticSummary: `Takes changes of the origin for ${name} as soon as they happen`,
      // One for another origin: the configuration was changed, and a memo cannot be.
      ...(found?.status.name === 'RUNNING' && { workflowIdConflictPolicy: 'TERMINATE_EXISTING' as const }),
    });
  } catch (error) {
    // Another worker was first.
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
  return true;
}

/** @returns false if none was running */
export async function endPush(client: Client, name: string, reason: string): Promise<boolean> {
  // Terminated, as the watch: there is nothing to clean up. What is pushed now is left to a cycle.
  return (await ifThere(() => client.workflow.getHandle(pushId(name)).terminate(reason))) !== undefined;
}

/**
 * Lets the push of a destination exist exactly if its origin has a feed. Its schedule exists; if `vsync stop` removes that
 * meanwhile, the push ends too, because the stop removes the schedule first.
 */
export async function keepPush(client: Client, clients: Clients, signal?: AbortSignal): Promise<void> {
  if (clients.role !== 'destination') return;
  const { originInfo, config } = clients.deps;
  const { state } = await readOriginState(originInfo, signal);
  if (state?.feed !== true) {
    await endPush(client, config.name, 'the origin has no feed');
    return;
  }
  if (!(await ensurePush(client, clients))) return;
  if ((await findSchedule(client, 'destination', config.name)) === undefined)
    await endPush(client, config.name, 'the schedule was removed');
}
