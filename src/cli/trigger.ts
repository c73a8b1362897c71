import { WorkflowFailedError } from '@temporalio/client';
import type { Config } from '../config/schema';
import { UserError } from '../errors';
import { EXPLAIN_CYCLE_WAIT_AFTER_MS } from '../limits';
import { trigger, type TriggeredCycle } from '../temporal/operations';
import { withTemporal } from './connections';
import { fileOf, load, type Options } from './options';
import { formatCycle, formatFailedCycle, formatFailure } from './text';

/** `vsync trigger`: a cycle now, and with `--wait` its result. */
export async function triggerCycle(options: Options): Promise<void> {
  const config = load(options);
  if (options['wait'] !== true) {
    await requestCycle(config, options);
    return;
  }
  await withTemporal(config, async (client) => {
    const { cycle } = await trigger(client, config, { wait: true });
    if (cycle === undefined) throw new Error('a trigger that waits has a cycle');
    await printResult(cycle, options);
  });
}

async function printResult({ workflowId, result }: TriggeredCycle, options: Options): Promise<void> {
  const patience = setTimeout(() => {
    console.error(
      `vsync: waiting for ${workflowId}; cycles need a worker: vsync worker -c ${fileOf(options)}`,
    );
  }, EXPLAIN_CYCLE_WAIT_AFTER_MS);
  try {
    const { outcome, counts, failures, note } = await result();
    console.log(`${workflowId}: ${formatCycle(outcome, counts)}${note === undefined ? '' : ` (${note})`}`);
    for (const failure of failures) console.log(`  ${formatFailure(failure)}`);
    if (outcome === 'timed-out')
      throw new UserError(
        'the cycle timed out; raise timeout in the configuration, or let the next cycle continue',
      );
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    throw new UserError(formatFailedCycle(workflowId, error));
  } finally {
    clearTimeout(patience);
  }
}

/** Starts a cycle, and prints where to see it. Does not wait for it. */
export async function requestCycle(config: Config, options: Options): Promise<void> {
  const { cycle } = await withTemporal(config, (client) => trigger(client, config));
  const what =
    cycle === undefined ? 'a cycle is running; another one follows it' : `${cycle.workflowId} started`;
  console.log(`${what}; see: vsync status -c ${fileOf(options)}`);
}
