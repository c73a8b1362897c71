import {
  ScheduleAlreadyRunning,
  ScheduleOverlapPolicy,
  type Client,
  type ScheduleDescription,
} from '@temporalio/client';
import { isDeepStrictEqual } from 'node:util';
import type { Clients } from '../activities/clients';
import { UserError } from '../errors';
import { scheduleOptions } from './ensure-schedule';
import { assertSameSync, identity } from './ownership';
import { endWatch, ensureWatch, findSchedule, ifThere, watchState, type WatchState } from './schedule';
import {
  isStartedAt,
  mayRecord,
  readRecord,
  writeRecord,
  type ScheduleRecord,
  type StoredRecord,
} from './schedule-record';
import { temporalPlace, type TemporalPlace } from './target';

export type ScheduleState =
  | { kind: 'running' }
  | { kind: 'paused'; note: string }
  /** It exists and is not paused, but has no next cycle. */
  | { kind: 'without-next' }
  /** It was started with another configuration than this worker has. */
  | { kind: 'other-configuration' }
  /** The schedule or the sync path of this worker belongs to another sync. */
  | { kind: 'other-sync'; message: string }
  | { kind: 'never-started' }
  /** The sync was started at another Temporal than this worker's. */
  | { kind: 'elsewhere'; temporals: readonly TemporalPlace[] }
  | { kind: 'stopped'; at: string };

export interface ScheduleCheck {
  state: ScheduleState;
  restored: 'schedule' | 'watch' | undefined;
  /** Of a destination: how the watch was found. */
  watch: WatchState | undefined;
}

/**
 * Checks a sync's schedule and watch, and restores what is missing, unless `vsync stop` removed it or the sync was never
 * started. Several workers may do this at once.
 *
 * The order matters: first Temporal, then the record in Consul. `vsync stop` writes the record before it removes
 * anything: if something is missing because of it, the record already shows the stop.
 */
export async function restoreSchedule(
  client: Client,
  clients: Clients,
  signal: AbortSignal,
): Promise<ScheduleCheck> {
  const { info, config } = clients.deps;
  const isStopped = async (): Promise<boolean> =>
    (await readRecord(info, signal)).record?.stoppedAt !== undefined;
  const before = await readRecord(info, signal);
  // Read before the schedule: without an index, a `vsync stop` may have recorded nothing.
  const recordable = await mayRecord(info, before, signal);
  const watch = config.role === 'destination' ? await watchState(client, config.name) : undefined;
  const schedule = await findSchedule(client, config.role, config.name);
  if (schedule === undefined) return restoreMissing(client, clients, watch, signal);

  try {
    assertSameSync(schedule, identity(clients));
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { state: { kind: 'other-sync', message: error.message }, restored: undefined, watch };
  }
  if (recordable) await keepRecord(clients, before, schedule, signal);
  const state = stateOf(schedule, clients);
  // Without sync info it may be the first start, which creates the watch a moment after the schedule.
  if (watch === undefined || watch === 'running' || !recordable) return { state, restored: undefined, watch };

  if (await isStopped()) return { state, restored: undefined, watch };
  await ensureWatch(client, config.name);
  // `vsync stop` may have run in between. Without sync info it records nothing, and removes the schedule first.
  const isGone = (await isStopped()) || (await findSchedule(client, config.role, config.name)) === undefined;
  if (isGone) await endWatch(client, config.name, 'the schedule was removed');
  return { state, restored: isGone ? undefined : 'watch', watch };
}

async function restoreMissing(
  client: Client,
  clients: Clients,
  watch: WatchState | undefined,
  signal: AbortSignal,
): Promise<ScheduleCheck> {
  const { role, deps } = clients;
  const { info, config } = deps;
  const found = (state: ScheduleState): ScheduleCheck => ({ state, restored: undefined, watch });
  const { record } = await readRecord(info, signal);
  if (record === undefined) return found({ kind: 'never-started' });
  if (record.name !== config.name) {
    const message =
      `Consul ${info.store.address}: ${info.prefix} is the sync info of ${record.name}, and this sync is called ` +
      `${config.name}; give each sync its own syncPath. If it was renamed, start the worker with the new file`;
    return found({ kind: 'other-sync', message });
  }
  const here = temporalPlace(config.temporal);
  const other = whyNotHere(record, here);
  if (other !== undefined) return found(other);
  if (record.fingerprint !== deps.fingerprint) return found({ kind: 'other-configuration' });

  const { paused } = record;
  const options = scheduleOptions(clients, paused);
  try {
    await client.schedule.create(options);
  } catch (error) {
    // Another worker was first, and logs it.
    if (error instanceof ScheduleAlreadyRunning) return found({ kind: 'running' });
    throw error;
  }
  const handle = client.schedule.getHandle(options.scheduleId);
  if (role === 'destination') await ensureWatch(client, config.name);
  const { record: after } = await readRecord(info, signal);
  const removed = after && whyNotHere(after, here);
  if (removed !== undefined) {
    await handle.delete();
    if (role === 'destination') await endWatch(client, config.name, 'vsync stop');
    return found(removed);
  }
  // It may have been stopped a moment ago.
  if (paused === undefined) await ifThere(() => handle.trigger(ScheduleOverlapPolicy.BUFFER_ONE));
  return {
    state: paused === undefined ? { kind: 'running' } : { kind: 'paused', note: paused },
    restored: 'schedule',
    watch,
  };
}

/** Why a record forbids to restore the schedule at this Temporal. */
function whyNotHere(record: ScheduleRecord, here: TemporalPlace): ScheduleState | undefined {
  const { stoppedAt, temporals = [] } = record;
  if (stoppedAt !== undefined) return { kind: 'stopped', at: stoppedAt };
  return isStartedAt(record, here) ? undefined : { kind: 'elsewhere', temporals };
}

function stateOf({ state, info, action }: ScheduleDescription, { deps }: Clients): ScheduleState {
  if (fingerprintOf(action) !== deps.fingerprint) return { kind: 'other-configuration' };
  if (state.paused) return { kind: 'paused', note: state.note ?? '' };
  if (info.nextActionTimes.length === 0) return { kind: 'without-next' };
  return { kind: 'running' };
}

function fingerprintOf({ args }: ScheduleDescription['action']): string {
  const [input] = (args ?? []) as unknown as [{ fingerprint?: string }?];
  return input?.fingerprint ?? '';
}

/** A paused schedule is restored as paused. A change in between, by `vsync stop` or another worker, wins. */
async function keepRecord(
  { deps: { info, config } }: Clients,
  before: StoredRecord,
  { action, state }: ScheduleDescription,
  signal: AbortSignal,
): Promise<void> {
  if (before.record?.stoppedAt !== undefined) return;
  const here = temporalPlace(config.temporal);
  const known = before.record?.temporals ?? [];
  const next: ScheduleRecord = {
    v: 1,
    name: config.name,
    fingerprint: fingerprintOf(action),
    ...(state.paused && { paused: state.note ?? '' }),
    // Operators and workers may reach one Temporal by several addresses.
    temporals: known.some((one) => isDeepStrictEqual(one, here)) ? known : [...known, here],
  };
  await writeRecord(info, before, next, signal);
}
