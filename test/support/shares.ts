import type { Client, WorkflowHandle } from '@temporalio/client';

/** Temporal's numbers for the state of a pending activity. */
const SCHEDULED = 1;
const STARTED = 2;

/** Number of activities of one type that run in a workflow, and that wait for a worker. */
export async function pendingOf(
  handle: WorkflowHandle,
  activity: string,
): Promise<{ started: number; waiting: number }> {
  const { raw } = await handle.describe();
  const pending = (raw.pendingActivities ?? []).filter(({ activityType }) => activityType?.name === activity);
  const count = (state: number): number => pending.filter((one) => Number(one.state) === state).length;
  return { started: count(STARTED), waiting: count(SCHEDULED) };
}

/**
 * Reads the activities of one type from the history of a finished workflow.
 *
 * @returns their number, the maximum that ran at the same time, and their queues
 */
export async function sharesOf(
  client: Client,
  { workflowId, runId }: { workflowId: string; runId?: string },
  activity: string,
): Promise<{ count: number; mostAtOnce: number; queues: string[] }> {
  const { events } = await client.workflow.getHandle(workflowId, runId).fetchHistory();
  const queues = new Set<string>();
  const scheduled = new Set<number>();
  const spans: { from: number; to: number }[] = [];
  const starts = new Map<number, number>();
  const msOf = (time: { seconds?: unknown; nanos?: number | null } | null | undefined): number =>
    Number(time?.seconds ?? 0) * 1e3 + (time?.nanos ?? 0) / 1e6;
  for (const { eventId, eventTime, ...event } of events ?? []) {
    const asked = event.activityTaskScheduledEventAttributes;
    if (asked?.activityType?.name === activity) {
      scheduled.add(Number(eventId));
      queues.add(asked.taskQueue?.name ?? '');
    }
    const begun = event.activityTaskStartedEventAttributes;
    if (begun) starts.set(Number(begun.scheduledEventId), msOf(eventTime));
    const done = event.activityTaskCompletedEventAttributes;
    const id = Number(done?.scheduledEventId);
    if (done && scheduled.has(id)) spans.push({ from: starts.get(id) ?? NaN, to: msOf(eventTime) });
  }
  const beside = spans.map(({ from }) => spans.filter((one) => one.from <= from && from < one.to).length);
  return { count: scheduled.size, mostAtOnce: Math.max(0, ...beside), queues: [...queues] };
}

/** Bytes of the largest payload in a history: an input or result of an activity or the workflow. */
export function largestPayload(history: unknown): number {
  if (history instanceof Uint8Array) return history.length;
  if (typeof history !== 'object' || history === null) return 0;
  return Math.max(0, ...Object.values(history).map(largestPayload));
}
