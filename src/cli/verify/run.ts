import {
  WorkflowExecutionAlreadyStartedError,
  WorkflowFailedError,
  type Client,
  type WorkflowHandle,
} from '@temporalio/client';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DestinationDeps } from '../../activities/destination/base/deps';
import { orAborted } from '../../concurrency/abort';
import { taskQueue, verifyId } from '../../contract/ids';
import { ifThere } from '../../temporal/schedule';
import { failedCycle } from '../text';
import { UserError } from '../../errors';
import type { VerifyInput, VerifyResult } from '../../contract/verify';
import { readFindings } from '../../activities/destination/verify/findings';
import type { Report } from './command';
import { VERIFY_CANCEL_WAIT_MS, VERIFY_TIMEOUT_MS } from '../../limits';
import { EVENTS_BEFORE_WORKER, explainWaiting } from '../waiting';

interface RunOptions {
  /** The configuration file, for messages that name a command. */
  file: string;
  say: (text: string) => void;
  /** Ends the verify. */
  signal: AbortSignal;
}

/**
 * Runs a verify of a destination on its workers, or waits for the one that is running, and reads what it found.
 *
 * @throws UserError if it failed or was cancelled, or if one runs with another configuration
 */
export async function runVerify(client: Client, deps: DestinationDeps, options: RunOptions): Promise<Report> {
  const { handle, isOurs } = await startOrJoin(client, deps, options.say);
  const { counts, lists, notes } = await resultOf({ client, config: deps.config, handle, isOurs }, options);
  return { name: deps.config.name, counts, findings: await readFindings(deps.staging, lists), notes };
}

async function startOrJoin(
  client: Client,
  deps: DestinationDeps,
  say: RunOptions['say'],
): Promise<{ handle: WorkflowHandle; isOurs: boolean }> {
  const { config, fingerprint } = deps;
  const { name } = config;
  const workflowId = verifyId(name);
  const input: VerifyInput = { v: 1, name, fingerprint };
  try {
    const handle = await client.workflow.start('verifyDestination', {
      workflowId,
      taskQueue: taskQueue('destination', name),
      args: [input],
      // It has nothing to clean up, so a timeout of the server does no harm. It also ends a verify that no worker takes.
      workflowRunTimeout: VERIFY_TIMEOUT_MS,
      memo: { vsync: { v: 1, fingerprint } },
      staticSummary: `Compares the secrets of ${name} with those of its origin`,
    });
    return { handle, isOurs: true };
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
  const handle = client.workflow.getHandle(workflowId);
  const { memo } = await handle.describe();
  const running = (memo?.['vsync'] as { fingerprint?: string } | undefined)?.fingerprint ?? '';
  if (running !== fingerprint) {
    throw new UserError(
      `a verify of ${name} is running with another configuration; wait for its end, or cancel it with: temporal ` +
        `workflow cancel --workflow-id ${workflowId}`,
    );
  }
  say(`a verify of ${name} is already running: waiting for its result`);
  return { handle, isOurs: false };
}

interface Started {
  client: Client;
  config: DestinationDeps['config'];
  handle: WorkflowHandle;
  isOurs: boolean;
}

async function resultOf(
  { client, config, handle, isOurs }: Started,
  { file, say, signal }: RunOptions,
): Promise<VerifyResult> {
  const watching = new AbortController();
  const result = handle.result() as Promise<VerifyResult>;
  // The wait below reports a failure; without this handler it would also be an unhandled rejection.
  result.catch(() => undefined);
  try {
    void explainWaiting({ client, config, handle, file, say, signal: watching.signal });
    return await orAborted(result, signal);
  } catch (error) {
    if (error instanceof WorkflowFailedError) throw new UserError(explain(error));
    if (!signal.aborted) throw error;
    if (!isOurs)
      throw new UserError(
        `not waiting any longer; ${handle.workflowId} continues for the command that started it`,
      );
    await end(handle, result);
    throw new UserError(CANCELLED);
  } finally {
    watching.abort();
  }
}

const CANCELLED = 'the verify was cancelled; nothing was changed';

function explain(error: WorkflowFailedError): string {
  const { outcome, note } = failedCycle(error);
  if (note !== undefined) return `the verify failed: ${note}`;
  if (outcome === 'cancelled') return CANCELLED;
  return `the verify was terminated, or did not end within ${VERIFY_TIMEOUT_MS / 3_600_000} h; nothing was changed`;
}

/** Cancels it, or terminates it if no worker is there to handle a cancel. */
async function end(handle: WorkflowHandle, result: Promise<VerifyResult>): Promise<void> {
  await ifThere(async () => {
    const { historyLength } = await handle.describe();
    if (historyLength <= EVENTS_BEFORE_WORKER) return handle.terminate('vsync verify was interrupted');
    await handle.cancel();
    const waited = sleep(VERIFY_CANCEL_WAIT_MS, undefined, { ref: false });
    return Promise.race([result.catch(() => undefined), waited]);
  });
}
