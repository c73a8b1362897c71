import { WorkflowFailedError } from '@temporalio/client';
import { infoOf } from '../activities/clients';
import { assertOwnName } from '../temporal/ownership';
import { setPaused, signalOriginChanged, trigger, type Triggered } from '../temporal/operations';
import { formatCycle, formatFailedCycle, formatFailure, formatStatus, readStatus } from './text/status';
import { UserError } from '../errors';
import { withTemporal } from './connections';
import { fileOf, load, warn, type Options } from './options';
import { EXPLAIN_CYCLE_WAIT_AFTER_MS } from '../limits';

export async function triggerCycle(options: Options): Promise<void> {
  const config = load(options);
  await withTemporal(config, async (client) => {
    const wait = options['wait'] === true;
    const triggered = await trigger(client, config, { wait });
    const { cycle } = triggered;
    if (!wait || cycle === undefined) {
      tellTriggered(triggered, options);
      return;
    }
    const patience = setTimeout(() => {
      console.error(
        `vsync: waiting for ${cycle.workflowId}; its work needs a worker: vsync worker -c ${fileOf(options)}`,
      );
    }, EXPLAIN_CYCLE_WAIT_AFTER_MS);
    try {
      const { outcome, counts, failures, note } = await cycle.result();
      console.log(
        `${cycle.workflowId}: ${formatCycle(outcome, counts)}${note === undefined ? '' : ` (${note})`}`,
      );
      for (const failure of failures) console.log(`  ${formatFailure(failure)}`);
      if (outcome === 'timed-out')
        throw new UserError('the cycle ran out of time; see timeout in the configuration');
    } catch (error) {
      if (!(error instanceof WorkflowFailedError)) throw error;
      throw new UserError(formatFailedCycle(cycle.workflowId, error));
    } finally {
      clearTimeout(patience);
    }
  });
}

/** To somebody who does not wait for the cycle that was asked for. */
export function tellTriggered({ cycle }: Triggered, options: Options): void {
  const what =
    cycle === undefined ? 'a cycle is running, and one more follows it' : `${cycle.workflowId} started`;
  console.log(`${what}; look at it with: vsync status -c ${fileOf(options)}`);
}

export async function sendSignal(options: Options): Promise<void> {
  const config = load(options);
  await withTemporal(config, (client) => signalOriginChanged(client, config));
  console.log(`the watch of ${config.name} was told; it starts a cycle if the destination is behind`);
}

export async function pause(options: Options): Promise<void> {
  const config = load(options);
  const { already } = await withTemporal(config, (client) =>
    setPaused(client, config, true, (options['reason'] as string | undefined) ?? 'vsync pause'),
  );
  console.log(
    `${config.name} ${already ? 'was paused already' : 'is paused'}: no cycle starts by itself; one that is running ` +
      `goes on. Resume it with: vsync resume -c ${fileOf(options)}`,
  );
}

export async function resume(options: Options): Promise<void> {
  const config = load(options);
  const { already } = await withTemporal(config, (client) =>
    setPaused(client, config, false, (options['reason'] as string | undefined) ?? 'vsync resume'),
  );
  console.log(
    already
      ? `${config.name} was not paused`
      : `${config.name} goes on: the next cycle catches up with what happened`,
  );
}

export async function showStatus(options: Options): Promise<void> {
  const config = load(options);
  const { info, close } = await infoOf(config);
  try {
    const status = await withTemporal(config, async (client) => {
      // Nothing is changed here: what is another sync's is shown all the same, and said to be so.
      await assertOwnName(client, config).catch((error: unknown) => {
        if (!(error instanceof UserError)) throw error;
        warn([error.message]);
      });
      return readStatus(client, config, info);
    });
    console.log(options['json'] === true ? JSON.stringify(status, null, 2) : formatStatus(status));
  } finally {
    close();
  }
}
