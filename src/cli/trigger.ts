import { WorkflowFailedError, type Client } from '@temporalio/client';
import type { Config } from '../config/schema';
import type { CycleResult } from '../contract/cycle';
import { UserError } from '../errors';
import { EXPLAIN_CYCLE_WAIT_AFTER_MS } from '../limits';
import { assertDestination, signalOriginChanged, trigger } from '../temporal/operations';
import { withTemporal } from './connections';
import { fileOf, load, type Options } from './options';
import { failedCycle, formatResult } from './text';

/** `vsync trigger`: a cycle now, and with `--wait` its result. */
export async function triggerCycle(options: Options): Promise<void> {
  const config = load(options);
  if (options['wait'] !== true) {
    await requestCycle(config, options);
    return;
  }
  let patience: NodeJS.Timeout | undefined;
  const onStarted = (workflowId: string): void => {
    const text = `vsync: waiting for ${workflowId}; cycles need a worker: vsync worker -c ${fileOf(options)}`;
    patience = setTimeout(console.error, EXPLAIN_CYCLE_WAIT_AFTER_MS, text);
  };
  const { workflowId, result } = await withTemporal(config, (client) =>
    runCycle(client, config, { onStarted }),
  ).finally(() => {
    clearTimeout(patience);
  });
  console.log(`${workflowId}: ${formatResult(result).join('\n')}`);
  if (result.outcome === 'timed-out')
    throw new UserError(
      'the cycle timed out; raise timeout in the configuration, or let the next cycle continue',
    );
}

/** A cycle that came to its end. */
export interface EndedCycle {
  workflowId: string;
  result: CycleResult;
}

/** Starts a cycle and waits for its end. @throws UserError with the advice if it failed or was cancelled */
export async function runCycle(
  client: Client,
  config: Config,
  { onStarted, advice = '' }: { onStarted?: (workflowId: string) => void; advice?: string },
): Promise<EndedCycle> {
  const { cycle } = await trigger(client, config, { wait: true });
  if (cycle === undefined) throw new Error('a trigger that waits has a cycle');
  const { workflowId } = cycle;
  onStarted?.(workflowId);
  try {
    return { workflowId, result: await cycle.result() };
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    const { outcome, note } = failedCycle(error);
    throw new UserError(`${workflowId}: ${outcome}${note === undefined ? '' : `: ${note}`}${advice}`);
  }
}

/** Starts a cycle, and prints where to see it. Does not wait for it. */
export async function requestCycle(config: Config, options: Options): Promise<void> {
  const { cycle } = await withTemporal(config, (client) => trigger(client, config));
  const what =
    cycle === undefined ? 'a cycle is running; another one follows it' : `${cycle.workflowId} started`;
  console.log(`${what}; see: vsync status -c ${fileOf(options)}`);
}

/** `vsync signal`: the signal that the watch also gets when the origin's index changes. */
export async function sendSignal(options: Options): Promise<void> {
  const config = load(options);
  assertDestination(config);
  await withTemporal(config, (client) => signalOriginChanged(client, config));
  console.log(`the watch of ${config.name} got the signal; it starts a cycle if the destination is behind`);
}
