import {
  ScheduleClient,
  type Client,
  type ScheduleDescription,
  type ScheduleOptions,
  type ScheduleSpec,
} from '@temporalio/client';
import { isDeepStrictEqual } from 'node:util';
import { UserError } from '../errors';
import { SCHEDULE_WRITE_ATTEMPTS } from '../limits';

/*
 * Sets a schedule's spec, action and policies, and changes nothing that another process sets at the same time.
 *
 * `ScheduleHandle.update` reads the schedule and writes it back whole: a pause that is set in between is undone. The
 * server has a conflict token against that, which the handle does not send. An update with an old token is answered
 * like any other, and then ignored (server 1.29.1). So the schedule is read again after each update, and the update is
 * repeated until the schedule is as wanted.
 */

/** What an update sets. The state (paused, note, remaining actions) is kept as it is. */
export type Wanted = Pick<ScheduleOptions, 'scheduleId' | 'spec' | 'action' | 'policies'>;

/**
 * Makes an existing schedule as wanted, and does nothing if it is so already.
 *
 * @param assertOwn throws if this schedule must not be changed
 * @throws UserError if other processes keep changing it
 */
export async function updateSchedule(
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
    if (isAsWanted(found, wanted) || (before !== undefined && isKeptOtherwise(before, found))) return;
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
      `${SCHEDULE_WRITE_ATTEMPTS} times in a row. Run the command again; look at it with: temporal schedule describe --schedule-id ${wanted.scheduleId}`,
  );
}

/** Sends the conflict token with an update: the server then ignores it if the schedule was changed meanwhile. */
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

/** Whether an update was taken and changed nothing: this server keeps what vsync sets in another form. */
function isKeptOtherwise(before: ScheduleDescription, after: ScheduleDescription): boolean {
  const updatedMs = ({ info }: ScheduleDescription): number => info.lastUpdatedAt?.getTime() ?? 0;
  return updatedMs(after) > updatedMs(before) && isDeepStrictEqual(essence(after), essence(before));
}

/** Whether a schedule already has this spec, this action and these policies. */
export function isAsWanted(found: ScheduleDescription, wanted: Wanted): boolean {
  return isDeepStrictEqual(essence(found), essence(wanted));
}

/** What of a schedule vsync sets, in a form that is the same before and after the way through the server. */
function essence({ spec, action, policies }: Essence) {
  const { intervals = [], startAt, endAt } = spec;
  const jitter: unknown = spec.jitter ?? 0;
  const calendars: unknown = [spec.calendars ?? [], spec.skip ?? []];
  return {
    intervals: intervals.map(({ every, offset }): [unknown, unknown] => [every, offset ?? 0]),
    calendars,
    times: [startAt, endAt, jitter],
    action: [action.workflowType, action.workflowId, action.taskQueue, action.args, action.memo],
    policies: [policies?.overlap, policies?.catchupWindow, policies?.pauseOnFailure ?? false],
  };
}

/** Of a schedule as it is to be, or as the server describes it. */
interface Essence {
  spec: ScheduleSpec;
  action: Pick<ScheduleOptions['action'], 'workflowType' | 'workflowId' | 'taskQueue' | 'args' | 'memo'>;
  policies?: ScheduleOptions['policies'];
}
