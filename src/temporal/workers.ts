import type { Client } from '@temporalio/client';
import { pollersOf, WORKFLOWS } from '../activities/shared/pollers';
import type { Config } from '../config/schema';
import { taskQueue } from '../contract/ids';
import { POLLER_GONE_MS } from '../limits';
import { formatDuration } from '../rules/time';

/** What Temporal knows of the workers of a sync. */
export interface WorkersFound {
  /** The queue that they poll. */
  readonly queue: string;
  /** Whether a worker polls the queue; undefined if Temporal does not report it. */
  readonly isPolled: boolean | undefined;
  /** When the last one did, milliseconds since the epoch. Temporal forgets it after five minutes. */
  readonly seenMs: number | undefined;
}

/** Asks Temporal for the workers of a sync. A worker that was killed counts as one for a minute and a half. */
export async function workersOf(
  client: Client,
  { role, name }: Pick<Config, 'role' | 'name'>,
): Promise<WorkersFound> {
  const queue = taskQueue(role, name);
  const pollers = await pollersOf(client, queue, WORKFLOWS).catch(() => undefined);
  const lastMs = Math.max(0, ...(pollers ?? []).map((poller) => poller.lastMs));
  return {
    queue,
    isPolled: pollers && Date.now() - lastMs < POLLER_GONE_MS,
    seenMs: lastMs === 0 ? undefined : lastMs,
  };
}

/** Why nothing happens, and what to do; undefined if a worker is there, or if that is not known. */
export function withoutWorker({ queue, isPolled, seenMs }: WorkersFound, file: string): string | undefined {
  if (isPolled !== false) return undefined;
  const agoMs = seenMs === undefined ? 0 : Math.floor((Date.now() - seenMs) / 1000) * 1000;
  const ago = seenMs === undefined ? '' : ` (the last one was seen ${formatDuration(agoMs)} ago)`;
  return `no worker polls queue ${queue}${ago}: start one with: vsync worker -c ${file}`;
}
