import {
  ScheduleAlreadyRunning,
  ScheduleClient,
  ScheduleOverlapPolicy,
  type Client,
  type ScheduleDescription,
  type ScheduleOptions,
} from '@temporalio/client';
import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { Clients } from '../activities/clients';
import { scheduleId, taskQueue } from '../contract/ids';
import type { CycleInput } from '../contract/cycle';
import { UserError } from '../errors';
import { MIN_CATCHUP_MS, SCHEDULE_WRITE_ATTEMPTS } from '../limits';
import { assertSameSync, identity } from './ownership';

/** The schedule that a configuration needs. @param paused note of the pause with which it is created, if any */
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
    policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: Math.max(tickMs, MIN_CATCHUP_MS) },
    ...(paused !== undefined && { state: { paused: true, note: paused } }),
  };
}

/** @returns 0 ≤ offset < tick, in whole seconds, the same for a name at any time */
function offsetMs(name: string, tickMs: number): number {
  const hash = createHash('sha256').update(name).digest().readUInt32BE(0);
  return (hash % Math.max(1, Math.floor(tickMs / 1000))) * 1000;
}

/** Creates the schedule, or updates it if it exists. @param adopt take over a schedule that another sync made */
export async function ensureSchedule(
  client: Client,
  clients: Clients,
  { paused, adopt }: { paused: string | undefined; adopt: boolean },
): Promise<'created' | 'updated'> {
  const options = scheduleOptions(clients, paused);
  try {
    await client.schedule.create(options);
    return 'created';
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
  }
  await updateSchedule(client, options, (found) => {
    if (!adopt) assertSameSync(found, identity(clients));
  });
  return 'updated';
}

/** What an update sets. The state (paused, note, remaining actions) is kept as it is. */
type Wanted = Pick<ScheduleOptions, 'scheduleId' | 'spec' | 'action' | 'policies'>;

/**
 * Sets a schedule's spec, action and policies, without undoing what another process sets at the same time.
 *
 * `ScheduleHandle.update` reads the schedule and writes all of it back: it undoes a pause that was set in between. The
 * server has a conflict token against this, which the handle does not send. An update with an old token gets the usual
 * answer, and is then ignored (server 1.29.1). So the schedule is read again after each update, and the update is
 * repeated until the schedule is as wanted.
 *
 * @param assertOwn throws if this schedule must not be changed
 * @throws UserError if other processes keep changing it
 */
async function updateSchedule(
  client: Client,
  wanted: Wanted,
  assertOwn: (found: ScheduleDescription) => void,
): Promise<void> {
  const fenced = new FencedScheduleClient(client);
  const handle = fenced.getHandle(wanted.scheduleId);
  let before: ScheduleDescription | undefined;
  for (let attempt = 0; attempt < SCHEDULE_WRITE_ATTEMPTS; attempt++) {
    const found = await handle.describe();
    assertOwn(found);
    if (isSame(found, wanted) || (before !== undefined && isKeptOtherwise(before, found))) return;
    before = found;
    await handle.update((previous) => {
      assertOwn(previous);
      fenced.expect(previous);
      // Without the state, the update would resume a paused schedule.
      const { scheduleId: _, ...parts } = wanted;
      return { ...parts, state: previous.state };
    });
  }
  throw new UserError(
    `schedule ${wanted.scheduleId} could not be updated: other processes changed it at the same time, ` +
      `${SCHEDULE_WRITE_ATTEMPTS} times in a row. Run the command again; inspect it with: temporal schedule describe --schedule-id ${wanted.scheduleId}`,
  );
}

/** Sends the conflict token with an update: the server then ignores it if the schedule has changed. */
class FencedScheduleClient extends ScheduleClient {
  private token: Uint8Array | undefined;

  constructor({ schedule, connection }: Client) {
    super({ ...schedule.options, connection });
  }

  /** To be called before an update, with the schedule that it is based on. */
  expect({ raw }: ScheduleDescription): void {
    this.token = raw.conflictToken ?? undefined;
  }

  override get workflowService(): ScheduleClient['workflowService'] {
    const service = super.workflowService;
    type Request = Parameters<typeof service.updateSchedule>[0];
    return Object.create(service, {
      updateSchedule: {
        value: (request: Request) => service.updateSchedule({ ...request, conflictToken: this.token }),
      },
    }) as typeof service;
  }
}

/** Whether an update was accepted without a visible change: the server stores what vsync sets in another form. */
function isKeptOtherwise(before: ScheduleDescription, after: ScheduleDescription): boolean {
  const updatedMs = ({ info }: ScheduleDescription): number => info.lastUpdatedAt?.getTime() ?? 0;
  return updatedMs(after) > updatedMs(before) && isSame(after, before);
}

/** Whether two schedules have the same spec, action and policies. */
function isSame(one: Wanted | ScheduleDescription, other: Wanted | ScheduleDescription): boolean {
  return isDeepStrictEqual(essence(one), essence(other));
}

/** What vsync sets of a schedule, in a form that is the same before and after the server stored it. */
function essence({ spec, action, policies }: Wanted | ScheduleDescription): unknown[] {
  const { intervals = [], calendars = [], skip = [], startAt, endAt } = spec;
  const jitter: unknown = spec.jitter ?? 0;
  const { workflowType, workflowId, taskQueue: queue, args, memo } = action;
  return [
    intervals.map(({ every, offset }): unknown[] => [every, offset ?? 0]),
    [calendars, skip, startAt, endAt, jitter],
    [workflowType, workflowId, queue, args, memo],
    [policies?.overlap, policies?.catchupWindow, policies?.pauseOnFailure ?? false],
  ];
}
