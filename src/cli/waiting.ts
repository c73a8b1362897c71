import type { Client, WorkflowHandle } from '@temporalio/client';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../config/schema';
import { EXPLAIN_WAIT_AFTER_MS, WAIT_POLL_MS } from '../limits';
import { withoutWorker, workersOf, type WorkersFound } from '../temporal/workers';
import { withTemporal } from './connections';
import { fileOf, warn, type Options } from './options';

/** Warns if no worker is there to do what a command has just asked for. */
export async function warnWithoutWorker(client: Client, config: Config, options: Options): Promise<void> {
  const missing = withoutWorker(await workersOf(client, config), fileOf(options));
  if (missing !== undefined) warn([missing]);
}

/** The same with a connection of its own. */
export function warnIfWithoutWorker(config: Config, options: Options): Promise<void> {
  return withTemporal(config, (client) => warnWithoutWorker(client, config, options));
}

/** Events of a workflow that no worker has taken: its start, and its first task. */
export const EVENTS_BEFORE_WORKER = 2;

/** A worker that was stopped a moment ago still counts as one. */
const notTaken = ({ queue }: WorkersFound, file: string): string =>
  `no worker takes the work from queue ${queue}: start one with: vsync worker -c ${file}`;

interface Waiting {
  client: Client;
  config: Pick<Config, 'role' | 'name'>;
  /** The workflow that is waited for. */
  handle: WorkflowHandle;
  /** The configuration file, for messages that name a command. */
  file: string;
  say: (text: string) => void;
  /** Ends it. */
  signal: AbortSignal;
}

/** While a command waits for a workflow: reports that no worker is there, and why a step is retried. Each text once. */
export async function explainWaiting({ client, config, handle, file, say, signal }: Waiting): Promise<void> {
  const said = new Set<string>();
  const once = (text: string): void => {
    if (!said.has(text)) say(text);
    said.add(text);
  };
  let isMissing = false;
  try {
    await sleep(EXPLAIN_WAIT_AFTER_MS, undefined, { signal });
    for (;;) {
      const found = await workersOf(client, config);
      const { historyLength, raw } = await handle.describe();
      const untaken = historyLength <= EVENTS_BEFORE_WORKER ? notTaken(found, file) : undefined;
      const missing = withoutWorker(found, file) ?? untaken;
      // Once for each time that it is missing: the text counts the seconds.
      if (missing !== undefined && !isMissing) say(missing);
      isMissing = missing !== undefined;
      for (const { activityType, lastFailure } of raw.pendingActivities ?? []) {
        if (lastFailure?.message)
          once(`${activityType?.name ?? 'a step'} is retried: ${lastFailure.message}`);
      }
      await sleep(WAIT_POLL_MS, undefined, { signal });
    }
  } catch {
    // The workflow ended, or Temporal does not answer: the caller, which waits for the result, reports it.
  }
}
