import { WorkflowFailedError, type Client } from '@temporalio/client';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DestinationConfig } from '../../config/schema';
import type { SyncInfo } from '../../sync-info/sync-info';
import { scheduleId } from '../../contract/ids';
import { trigger } from '../../temporal/operations';
import { describeSchedule } from '../../temporal/schedule';
import { formatFailedCycle } from '../text';
import { UserError } from '../../errors';
import { CYCLE_END_WAIT_MS, REPAIR_POLL_MS } from '../../limits';
import type { CycleResult, Outcome } from '../../contract/cycle';
import { countUnverified, unverifyClaims } from './unverify';

const WELL_ENDED: ReadonlySet<Outcome> = new Set(['synced', 'unchanged', 'held']);

/** What a repair did. */
export interface Repair {
  /** Claims that were made unverified; a secret without a claim needs none. (The name is that of the `--json` field.) */
  doubted: number;
  /** Number of paths whose claims are still unverified: no cycle has compared them yet. */
  left: number;
  /** The last cycle that was requested. Undefined if the schedule is paused. */
  cycle?: { workflowId: string; result: CycleResult };
}

/**
 * Has a cycle repair some paths: makes their claims unverified, and starts a cycle through the schedule, which compares
 * them by value and writes what differs. If the schedule is paused, no cycle starts: the claims stay unverified.
 *
 * @throws UserError if there is no schedule, a cycle wrote the info at the same moment, or the cycle failed
 */
export async function repair(
  client: Client,
  info: SyncInfo,
  config: DestinationConfig,
  { paths, say }: { paths: readonly string[]; say: (text: string) => void },
): Promise<Repair> {
  await waitForIdle(client, config, say);
  const doubted = await unverifyClaims(info, paths);
  const { state } = await describeSchedule(client.schedule.getHandle(scheduleId('destination', config.name)));
  if (state.paused) return { doubted, left: await countUnverified(info, paths) };
  let cycle = await runCycle(client, config);
  let left = await countUnverified(info, paths);
  // A cycle that began before the claims were unverified did not see them.
  if (left > 0 && WELL_ENDED.has(cycle.result.outcome)) {
    cycle = await runCycle(client, config);
    left = await countUnverified(info, paths);
  }
  return { doubted, left, cycle };
}

/** @throws UserError if it failed or was cancelled */
async function runCycle(client: Client, config: DestinationConfig): Promise<NonNullable<Repair['cycle']>> {
  const { cycle } = await trigger(client, config, { wait: true });
  if (cycle === undefined) throw new Error('a trigger that waits has a cycle');
  const { workflowId } = cycle;
  try {
    return { workflowId, result: await cycle.result() };
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    throw new UserError(`${formatFailedCycle(workflowId, error)}; the next cycle repairs the rest`);
  }
}

/** A running cycle would fail if its sync info changed. Check-and-set guards against one that starts afterwards. */
async function waitForIdle(
  client: Client,
  config: DestinationConfig,
  say: (text: string) => void,
): Promise<void> {
  const schedule = client.schedule.getHandle(scheduleId('destination', config.name));
  const untilMs = Date.now() + config.destination.timeoutMs + CYCLE_END_WAIT_MS;
  for (let polls = 0; (await describeSchedule(schedule)).info.runningActions.length > 0; polls++) {
    if (polls === 0) say('a cycle is running: the repair waits for its end');
    if (Date.now() > untilMs)
      throw new UserError(
        'a cycle is still running, so nothing was repaired; run the command again when it has ended',
      );
    await sleep(REPAIR_POLL_MS);
  }
}
