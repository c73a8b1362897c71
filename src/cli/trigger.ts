import { WorkflowFailedError, type Client } from '@temporalio/client';
import type { Config } from '../config/schema';
import type { CycleResult } from '../contract/cycle';
import { NotInStepError, UserError } from '../errors';
import { assertDestination, signalOriginChanged, trigger } from '../temporal/operations';
import { withTemporal } from './connections';
import { fileOf, load, print, warn, type Options } from './options';
import { failedCycle, formatResult } from './text';
import { explainWaiting, warnIfWithoutWorker, warnWithoutWorker } from './waiting';

/** `vsync trigger`: a cycle now, and with `--wait` its result. */
export async function triggerCycle(options: Options): Promise<void> {
  const config = load(options);
  if (options['wait'] !== true) {
    await requestCycle(config, options);
    return;
  }
  const { workflowId, result } = await withTemporal(config, (client) =>
    runCycle(client, config, { file: fileOf(options), say }),
  );
  print(`${workflowId}: ${formatResult(result).join('\n')}`);
  assertInStep(result, fileOf(options));
}

const say = (text: string): void => {
  warn([text]);
};

/** @throws UserError if the cycle had too little time; NotInStepError if it left something to do */
function assertInStep({ outcome }: CycleResult, file: string): void {
  if (outcome === 'timed-out')
    throw new UserError(
      'the cycle timed out; raise timeout in the configuration, or let the next cycle continue',
    );
  if (outcome === 'partial')
    throw new NotInStepError(
      'the cycle was partial: the paths above were left alone; the class of each is explained in docs/operating.md, ' +
        'and the next cycle tries them again',
    );
  if (outcome === 'held')
    throw new NotInStepError(
      `deletes wait for an approval: "vsync plan -c ${file}" lists them, "vsync approve -c ${file}" releases them`,
    );
}

/** A cycle that came to its end. */
export interface EndedCycle {
  workflowId: string;
  result: CycleResult;
}

interface RunOptions {
  /** The configuration file, for messages that name a command. */
  file: string;
  /** Called with what the wait is for. */
  say: (text: string) => void;
  /** Added to the message of a failure. */
  advice?: string;
}

/** Starts a cycle and waits for its end. @throws UserError with the advice if it failed or was cancelled */
export async function runCycle(
  client: Client,
  config: Config,
  { file, say: onText, advice = '' }: RunOptions,
): Promise<EndedCycle> {
  const { cycle } = await trigger(client, config, { wait: true });
  if (cycle === undefined) throw new Error('a trigger that waits has a cycle');
  const { workflowId, runId } = cycle;
  const waiting = new AbortController();
  const handle = client.workflow.getHandle(workflowId, runId);
  void explainWaiting({ client, config, handle, file, say: onText, signal: waiting.signal });
  try {
    return { workflowId, result: await cycle.result() };
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    const { outcome, note } = failedCycle(error);
    throw new UserError(`${workflowId}: ${outcome}${note === undefined ? '' : `: ${note}`}${advice}`);
  } finally {
    waiting.abort();
  }
}

/** Starts a cycle, and prints where to see it. Does not wait for it. */
export async function requestCycle(config: Config, options: Options): Promise<void> {
  await withTemporal(config, async (client) => {
    const { cycle } = await trigger(client, config);
    const what =
      cycle === undefined ? 'a cycle is running; another one follows it' : `${cycle.workflowId} started`;
    console.log(`${what}; see: vsync status -c ${fileOf(options)}`);
    await warnWithoutWorker(client, config, options);
  });
}

/** `vsync signal`: the signal that the watch also gets when the origin's index changes. */
export async function sendSignal(options: Options): Promise<void> {
  const config = load(options);
  assertDestination(config);
  await withTemporal(config, (client) => signalOriginChanged(client, config));
  console.log(`the watch of ${config.name} got the signal; it starts a cycle if the destination is behind`);
  await warnIfWithoutWorker(config, options);
}
