import {
  ScheduleAlreadyRunning,
  ScheduleNotFoundError,
  ScheduleOverlapPolicy,
  WorkflowNotFoundError,
  type Client,
  type ScheduleDescription,
  type ScheduleHandle,
  type ScheduleOptions,
} from '@temporalio/client';
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { readMounts } from '../access/mounts';
import { assertCapabilities } from '../access/capabilities';
import { assertKeyAccess } from '../access/sync-path';
import { destinationNeeds, originNeeds } from '../access/needs';
import { assertTokenLasts } from '../access/token';
import type { Clients } from '../activities/clients';
import { adopt as adoptState } from '../sync-info/state';
import type { Config } from '../config/schema';
import { scheduleId, taskQueue, watchId } from '../contract/ids';
import {
  assertOwnName,
  assertOwnSchedule,
  assertOwnState,
  assertSameSync,
  identity,
  type Identity,
} from './ownership';
import { readRecord, recordStart } from './schedule-record';
import { updateSchedule } from './schedule-update';
import { endWatch, ensureWatch } from './watch';
import { temporalPlace } from './connect';
import { UserError } from '../errors';
import {
  ORIGIN_CHANGED,
  type CycleInput,
  type CycleResult,
  type OriginChangedSignal,
} from '../contract/messages';
import { CYCLE_START_POLL_MS, CYCLE_START_WAIT_MS, MIN_CATCHUP_MS, PAUSE_ATTEMPTS } from '../limits';

/**
 * Looks whether a cycle could do its work, more thoroughly than its own preflight. Writes nothing but a key below
 * the own sync path, which is removed again.
 *
 * @returns what an operator should know although nothing is wrong, for the log
 * @throws VaultError, ConsulError or ActivityError that name the server and what to do
 */
export async function checkAccess(clients: Clients): Promise<string[]> {
  if (clients.role === 'origin') {
    const { vault, info, config } = clients.deps;
    const advice = await assertTokenLasts(vault.client, 'origin.vault');
    await readMounts(vault, config.origin.mounts, 'origin.mounts');
    advice.push(...(await assertCapabilities(vault.client, originNeeds(config), 'origin.vault')));
    await info.readIndex();
    await assertKeyAccess(info);
    return advice;
  }
  const { originVault, vault, originInfo, info, config } = clients.deps;
  const advice = [
    ...(await assertTokenLasts(originVault.client, 'origin.vault')),
    ...(await assertTokenLasts(vault.client, 'destination.vault')),
  ];
  await readMounts(originVault, config.origin.mounts, 'origin.mounts');
  await readMounts(vault, config.destination.mounts, 'destination.mounts');
  const needs = destinationNeeds(config);
  advice.push(
    ...(await assertCapabilities(originVault.client, needs.origin, 'origin.vault')),
    ...(await assertCapabilities(vault.client, needs.destination, 'destination.vault')),
  );
  await originInfo.readIndex();
  await info.readIndex();
  await assertKeyAccess(info);
  return advice;
}

/** What `start` did. */
export interface Started {
  scheduleId: string;
  schedule: 'created' | 'updated';
  paused: boolean;
}

/**
 * Creates or updates the schedule of a configuration (and, of a destination, its watch), and starts a first cycle
 * unless the schedule is paused. Idempotent.
 *
 * @param adopt a Vault was rebuilt or restored on purpose: take over the schedule, and the mounts as they are now
 */
export async function start(client: Client, clients: Clients, { adopt = false } = {}): Promise<Started> {
  await checkAccess(clients);
  const { config, fingerprint, info } = clients.deps;
  const { name } = config;
  if (adopt) await adoptState(info, clients.role, name);
  else await assertOwnState(clients);
  // A schedule that was lost while it was paused comes back paused. `vsync stop` forgets the pause.
  const { record } = await readRecord(info);
  const options = scheduleOptions(clients, record?.name === name ? record.paused : undefined);
  const handle = client.schedule.getHandle(options.scheduleId);
  const schedule = await ensureSchedule(client, options, identity(clients), adopt);
  if (config.role === 'destination') await ensureWatch(client, name);
  const { state } = await handle.describe();
  await recordStart(
    info,
    { name, fingerprint, ...(state.paused ? { paused: state.note ?? '' } : {}) },
    temporalPlace(config.temporal),
  );
  if (!state.paused) await handle.trigger(ScheduleOverlapPolicy.BUFFER_ONE);
  return { scheduleId: options.scheduleId, schedule, paused: state.paused };
}

async function ensureSchedule(
  client: Client,
  options: ScheduleOptions,
  wanted: Identity,
  adopt: boolean,
): Promise<'created' | 'updated'> {
  try {
    await client.schedule.create(options);
    return 'created';
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
  }
  await updateSchedule(client, options, (found) => {
    if (!adopt) assertSameSync(found, wanted);
  });
  return 'updated';
}

/**
 * The schedule that a configuration needs.
 *
 * @param paused note of the pause with which it is created; it begins at once if undefined
 */
export function scheduleOptions(clients: Clients, paused?: string): ScheduleOptions {
  const { config, fingerprint } = clients.deps;
  const { role, name } = config;
  const { tickMs, timeoutMs } = config.role === 'origin' ? config.origin : config.destination;
  const input: CycleInput = { v: 1, name, fingerprint, timeoutMs };
  return {
    scheduleId: scheduleId(role, name),
    // The offset spreads the syncs, so that not all of them fire at the same moment.
    spec: { intervals: [{ every: tickMs, offset: offsetMs(name, tickMs) }] },
    action: {
      type: 'startWorkflow',
      workflowType: role === 'origin' ? 'originCycle' : 'destinationCycle',
      workflowId: scheduleId(role, name),
      taskQueue: taskQueue(role, name),
      args: [input],
      memo: { vsync: identity(clients) },
      // No timeout and no retry here: they would skip the cleanup of the cycle, which has a timer of its own.
    },
    policies: {
      overlap: ScheduleOverlapPolicy.SKIP,
      catchupWindow: Math.max(tickMs, MIN_CATCHUP_MS),
    },
    ...(paused === undefined ? {} : { state: { paused: true, note: paused } }),
  };
}

/** @returns 0 ≤ offset < tick, in whole seconds, the same for a name at any time */
function offsetMs(name: string, tickMs: number): number {
  const hash = createHash('sha256').update(name).digest().readUInt32BE(0);
  return (hash % Math.max(1, Math.floor(tickMs / 1000))) * 1000;
}

/** What `stop` found, and ended. */
export interface Stopped {
  schedule: boolean;
  watch: boolean;
  /** Cycles that were under way: they keep what they have done, and end as cancelled. */
  cycles: number;
}

/**
 * Removes the schedule and the watch, and cancels a cycle that is running. Sync info and secrets stay.
 *
 * @param record is called before anything is removed: workers make the schedule again unless it calls `recordStop`
 * @throws UserError if the schedule is that of another sync
 */
export async function stop(
  client: Client,
  config: Config,
  record: () => Promise<void> = () => Promise.resolve(),
): Promise<Stopped> {
  await assertOwnName(client, config);
  await record();
  const handle = client.schedule.getHandle(scheduleId(config.role, config.name));
  let cycles = 0;
  // First the schedule, then the watch: a worker makes no watch for a schedule that is gone.
  const schedule = await unlessMissing(async () => {
    const { info } = await handle.describe();
    await handle.delete();
    // A later schedule would not know of a cycle that this one has started, and run another beside it.
    for (const { workflow } of info.runningActions) {
      const running = client.workflow.getHandle(workflow.workflowId);
      if (await unlessMissing(() => running.cancel())) cycles++;
    }
  });
  const watch = config.role === 'destination' && (await endWatch(client, config.name, 'vsync stop'));
  return { schedule, watch, cycles };
}

/**
 * Pauses or resumes the schedule. A pause is respected by the tick and by the watch; a cycle that is running goes on.
 *
 * @param reason shown by Temporal beside the schedule
 * @returns whether it was already so
 */
export async function setPaused(
  client: Client,
  config: Config,
  paused: boolean,
  reason: string,
): Promise<{ already: boolean }> {
  const handle = client.schedule.getHandle(scheduleId(config.role, config.name));
  const found = await describe(handle);
  await assertOwnSchedule(found, config);
  const { state } = found;
  for (let attempt = 0; attempt < PAUSE_ATTEMPTS; attempt++) {
    if (paused) await handle.pause(reason);
    else await handle.unpause(reason);
    if ((await describe(handle)).state.paused === paused) return { already: state.paused === paused };
  }
  throw new UserError(
    `schedule ${handle.scheduleId} could not be ${paused ? 'paused' : 'resumed'}: triggers came at the same moment, ` +
      `${PAUSE_ATTEMPTS} times in a row. Run the command again`,
  );
}

/** A cycle as Temporal knows it. */
export interface TriggeredCycle {
  workflowId: string;
  /** Waits for its end. Rejects if the cycle failed or was cancelled. */
  result: () => Promise<CycleResult>;
}

/** What became of a trigger. */
export interface Triggered {
  /** Undefined if another cycle is running: this one follows it. */
  cycle?: TriggeredCycle;
}

/**
 * Asks for a cycle now, also on a paused schedule. If one is running, one more follows it.
 *
 * @param wait wait for the cycle to start, also if another one is running
 */
export async function trigger(client: Client, config: Config, { wait = false } = {}): Promise<Triggered> {
  const handle = client.schedule.getHandle(scheduleId(config.role, config.name));
  const found = await describe(handle);
  await assertOwnSchedule(found, config);
  const before = new Set(cyclesOf(found).map(({ runId }) => runId));
  await handle.trigger(ScheduleOverlapPolicy.BUFFER_ONE);
  for (let idleMs = 0; idleMs < CYCLE_START_WAIT_MS;) {
    const description = await describe(handle);
    const isBuffered = Number(description.raw.info?.bufferSize ?? 0) > 0;
    if (isBuffered && !wait) return {};
    // While one is buffered, the newest cycle is that of somebody who asked a moment before.
    const cycle = isBuffered ? undefined : cyclesOf(description).findLast(({ runId }) => !before.has(runId));
    if (cycle !== undefined) {
      const { workflowId, runId } = cycle;
      return { cycle: { workflowId, result: () => client.workflow.getHandle(workflowId, runId).result() } };
    }
    await sleep(CYCLE_START_POLL_MS);
    if (!isBuffered) idleMs += CYCLE_START_POLL_MS;
  }
  throw new UserError(
    `schedule ${handle.scheduleId} was triggered, but started no cycle within ${CYCLE_START_WAIT_MS / 1000} s; look at it ` +
      `with: temporal schedule describe --schedule-id ${handle.scheduleId}`,
  );
}

/** One cycle in Temporal. Cycles that were asked for in the same second share a workflow id, but not a run id. */
export interface CycleId {
  workflowId: string;
  runId: string;
  takenAt: Date;
}

/** The cycles that a schedule started last, oldest first; at most ten. */
export function cyclesOf({ info }: ScheduleDescription): CycleId[] {
  return info.recentActions.map(({ action: { workflow }, takenAt }) => {
    return { workflowId: workflow.workflowId, runId: workflow.firstExecutionRunId, takenAt };
  });
}

/** Tells a destination's watch that the origin changed. */
export async function signalOriginChanged(client: Client, config: Config): Promise<void> {
  if (config.role === 'origin') {
    throw new UserError(
      "vsync signal is for a destination: give the destination's file, or trigger the origin instead",
    );
  }
  await assertOwnName(client, config);
  const handle = client.workflow.getHandle(watchId(config.name));
  if (!(await unlessMissing(() => handle.signal<[OriginChangedSignal]>(ORIGIN_CHANGED, { v: 1 })))) {
    throw new UserError(`there is no watch ${watchId(config.name)}: start it with "vsync start -c FILE"`);
  }
}

/** Describes a schedule. @throws UserError if there is none */
export async function describe(handle: ScheduleHandle): Promise<ScheduleDescription> {
  try {
    return await handle.describe();
  } catch (error) {
    if (!(error instanceof ScheduleNotFoundError)) throw error;
    throw new UserError(`there is no schedule ${handle.scheduleId}: create it with "vsync start -c FILE"`);
  }
}

/** @returns false if the schedule or workflow was not there */
async function unlessMissing(work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (error instanceof ScheduleNotFoundError || error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}
