import type { Client } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { z } from 'zod';
import { pushId } from '../../contract/ids';
import type { PushResult } from '../../contract/push';
import { ifThere } from '../../temporal/schedule';

/* The push of a destination. Its history has the result of each push, also while no worker could be asked. */

export interface PushStatus {
  /** `running`, `missing`, or how it ended (`terminated`, `canceled`, `failed`, …). */
  state: string;
  /** The last push of this run or of the one before. `left`: secrets that it left to the next cycle, `why` if all. */
  last?: { at: string; there: number; left: number; why?: string };
}

/** Events of the history that are read, from its end: a push has six. */
const EVENTS = 20;

const ResultSchema: z.ZodType<Pick<PushResult, 'there' | 'left'> & { why?: string | undefined }> = z.object({
  there: z.int(),
  left: z.int(),
  why: z.string().optional(),
});

export async function readPush(client: Client, name: string): Promise<PushStatus> {
  const found = await ifThere(() => client.workflow.getHandle(pushId(name)).describe());
  if (found === undefined) return { state: 'missing' };
  const { runId, status } = found.result;
  const last = await lastPush(client, pushId(name), runId);
  return { state: status.name.toLowerCase(), ...(last && { last }) };
}

/** @param isFirst a run that continued another one may have none of its own yet */
async function lastPush(
  client: Client,
  workflowId: string,
  runId: string,
  isFirst = true,
): Promise<PushStatus['last']> {
  const answer = await client.workflowService.getWorkflowExecutionHistoryReverse({
    namespace: client.options.namespace,
    execution: { workflowId, runId },
    maximumPageSize: EVENTS,
  });
  const events = answer.history?.events ?? [];
  for (const { workflowExecutionUpdateCompletedEventAttributes: completed, eventTime } of events) {
    const [payload] = completed?.outcome?.success?.payloads ?? [];
    if (payload === undefined) continue;
    const result = ResultSchema.safeParse(defaultPayloadConverter.fromPayload(payload)).data;
    if (result === undefined) continue;
    const { there, left, why } = result;
    const at = new Date(Number(eventTime?.seconds ?? 0) * 1000).toISOString();
    return { at, there, left, ...(why !== undefined && { why }) };
  }
  const before = events.at(-1)?.workflowExecutionStartedEventAttributes?.continuedExecutionRunId;
  return isFirst && before ? lastPush(client, workflowId, before, false) : undefined;
}
