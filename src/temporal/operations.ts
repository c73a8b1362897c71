import { ScheduleOverlapPolicy, type Client } from '@temporalio/client';
import { setTimeout as sleep } from 'node:timers/promises';
import { checkAccess, type Clients } from '../activities/clients';
import type { Config } from '../config/schema';
import { scheduleId, watchId } from '../contract/ids';
import type { CycleResult } from '../contract/cycle';
import { ORIGIN_CHANGED, type OriginChangedSignal } from '../contract/destination';
import { UsageError, UserError } from '../errors';
import { CYCLE_START_POLL_MS, CYCLE_START_WAIT_MS, PAUSE_ATTEMPTS } from '../limits';
import { adopt as adoptState } from '../sync-info/state';
import { ensureSchedule } from './ensure-schedule';
import { assertOwnName, assertOwnSchedule, assertOwnState } from './ownership';
import { endPush, keepPush } from './push-workflow';
import { cyclesOf, describeSchedule, endWatch, ensureWatch, ifThere } from './schedule';
import { readRecord, recordStart } from './schedule-record';
import { temporalPlace } from './target';

/**
 * Creates or updates the schedule of a configuration (and, of a destination, its watch and its push), and starts a first
 * cycle unless the schedule is paused. Idempotent. @param adopt take over schedule and sync path, and accept the mounts as they are
 */
export async function start(client: Client, clients: Clients, { adopt = false } = {}) {
  await checkAccess(clients);
  const { config, fingerprint, info } = clients.deps;
  const { name } = config;
  if (adopt) await adoptState(info, clients.role, name);
  else await assertOwnState(clients);
  // A schedule that was lost while paused is restored as paused. `vsync stop` ends the pause.
  const { record } = await readRecord(info);
  const paused = record?.name === name ? record.paused : undefined;
  const schedule = await ensureSchedule(client, clients, { paused, adopt });
  const handle = client.schedule.getHandle(scheduleId(config.role, name));
  if (config.role === 'destination') await ensureWatch(client, name);
  await keepPush(client, clients);
  const { state } = await handle.describe();
  await recordStart(info, {
    name,
    fingerprint,
    ...(state.paused && { paused: state.note ?? '' }),
    temporals: [temporalPlace(config.temporal)],
  });
  if (!state.paused) await handle.trigger(ScheduleOverlapPolicy.BUFFER_ONE);
  return { scheduleId: handle.scheduleId, schedule, paused: state.paused };
}

/**
 * Removes the schedule, the watch and the push, and cancels a cycle that is running. Sync info and secrets stay.
 *
 * @param record is called before anything is removed: unless it calls `recordStop`, workers restore the schedule
 * @returns `cycles`: number of running cycles; they keep what they have done, and end as cancelled
 * @throws UserError if the schedule is that of another sync
 */
export async function stop(client: Client, config: Config, record?: () => Promise<void>) {
  await assertOwnName(client, config);
  await record?.();
  const handle = client.schedule.getHandle(scheduleId(config.role, config.name));
  let cycles = 0;
  // First the schedule: a worker starts no watch and no push without one.
  const removed = await ifThere(async () => {
    const { info } = await handle.describe();
    await handle.delete();
    // A later schedule would start a second cycle, because it does not count those of this one.
    for (const { workflow } of info.runningActions) {
      const running = client.workflow.getHandle(workflow.workflowId);
      if ((await ifThere(() => running.cancel())) !== undefined) cycles++;
    }
  });
  const watch = config.role === 'destination' && (await endWatch(client, config.name, 'vsync stop'));
  if (config.role === 'destination') await endPush(client, config.name, 'vsync stop');
  return { schedule: removed !== undefined, watch, cycles };
}

/** Pauses or resumes the tick and the watch; a cycle that is running goes on. @returns whether it was in this state already */
export async function setPaused(
  client: Client,
  config: Config,
  paused: boolean,
  reason: string,
): Promise<{ already: boolean }> {
  const handle = client.schedule.getHandle(scheduleId(config.role, config.name));
  const found = await describeSchedule(handle);
  await assertOwnSchedule(found, config);
  const { state } = found;
  for (let attempt = 0; attempt < PAUSE_ATTEMPTS; attempt++) {
    if (paused) await handle.pause(reason);
    else await handle.unpause(reason);
    if ((await describeSchedule(handle)).state.paused === paused) return { already: state.paused === paused };
  }
  throw new UserError(
    `schedule ${handle.scheduleId} could not be ${paused ? 'paused' : 'resumed'}: triggers arrived at the same moment, ` +
      `${PAUSE_ATTEMPTS} times in a row. Run the command again`,
  );
}

export interface Triggered {
  /** Undefined if another cycle is running. `result` waits for the end, and rejects if it failed or was cancelled. */
  cycle?: { workflowId: string; runId: string; result: () => Promise<CycleResult> };
}

/** Requests a cycle, also on a paused schedule. One more follows a running one. @param wait for its start, also then */
export async function trigger(client: Client, config: Config, { wait = false } = {}): Promise<Triggered> {
  const handle = client.schedule.getHandle(scheduleId(config.role, config.name));
  const found = await describeSchedule(handle);
  await assertOwnSchedule(found, config);
  const before = new Set(cyclesOf(found).map(({ runId }) => runId));
  await handle.trigger(ScheduleOverlapPolicy.BUFFER_ONE);
  for (let idleMs = 0; idleMs < CYCLE_START_WAIT_MS;) {
    const description = await describeSchedule(handle);
    const isBuffered = Number(description.raw.info?.bufferSize ?? 0) > 0;
    if (isBuffered && !wait) return {};
    // While one is buffered, the newest cycle belongs to an earlier request.
    const cycle = isBuffered ? undefined : cyclesOf(description).findLast(({ runId }) => !before.has(runId));
    if (cycle !== undefined) {
      const { workflowId, runId } = cycle;
      const result = (): Promise<CycleResult> => client.workflow.getHandle(workflowId, runId).result();
      return { cycle: { workflowId, runId, result } };
    }
    await sleep(CYCLE_START_POLL_MS);
    if (!isBuffered) idleMs += CYCLE_START_POLL_MS;
  }
  throw new UserError(
    `schedule ${handle.scheduleId} was triggered, but started no cycle within ${CYCLE_START_WAIT_MS / 1000} s; inspect ` +
      `it with: temporal schedule describe --schedule-id ${handle.scheduleId}`,
  );
}

/** An origin has no watch. @throws UsageError */
export function assertDestination({ role }: Config): void {
  if (role === 'destination') return;
  throw new UsageError(
    "vsync signal is for a destination: give the destination's file, or trigger the origin instead",
  );
}

/** Signals a destination's watch that the origin changed. */
export async function signalOriginChanged(client: Client, config: Config): Promise<void> {
  assertDestination(config);
  await assertOwnName(client, config);
  const handle = client.workflow.getHandle(watchId(config.name));
  if ((await ifThere(() => handle.signal<[OriginChangedSignal]>(ORIGIN_CHANGED, { v: 1 }))) === undefined)
    throw new UserError(`there is no watch ${watchId(config.name)}: start it with "vsync start -c FILE"`);
}
