import type { Client } from '@temporalio/client';

/** One run of a workflow, with its whole history. */
export interface RecordedRun {
  workflowId: string;
  type: string;
  history: unknown;
}

/** Every run of every workflow whose id contains a text, as Temporal would export it. */
export async function exportRuns(client: Client, idPart: string): Promise<RecordedRun[]> {
  const runs: RecordedRun[] = [];
  for await (const { workflowId, runId, type } of client.workflow.list()) {
    if (!workflowId.includes(idPart)) continue;
    runs.push({
      workflowId,
      type,
      history: await client.workflow.getHandle(workflowId, runId).fetchHistory(),
    });
  }
  return runs;
}

/** All texts of a history, with decoded payloads, as a reader would see them. */
export function readableTexts(value: unknown): string {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8');
  if (typeof value === 'string') return value;
  if (typeof value !== 'object' || value === null) return '';
  return Object.entries(value)
    .map(([key, inner]) => `${key}: ${readableTexts(inner)}`)
    .join('\n');
}
