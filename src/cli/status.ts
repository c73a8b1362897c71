import {
  WorkflowFailedError,
  WorkflowNotFoundError,
  type Client,
  type WorkflowHandle,
} from '@temporalio/client';
import { infoOf } from '../activities/clients';
import type { Config } from '../config/schema';
import { scheduleId } from '../contract/ids';
import type { Counts, CycleResult, PathFailure } from '../contract/cycle';
import type { PendingDeletes } from '../contract/destination';
import { UserError } from '../errors';
import type { ExpirySummary } from '../rules/expiry';
import { readStateOf, type DestinationState, type LastCycle, type OriginState } from '../sync-info/state';
import type { SyncInfo } from '../sync-info/sync-info';
import { assertOwnName } from '../temporal/ownership';
import { cyclesOf, findSchedule, type CycleId } from '../temporal/schedule';
import { readRecord, whyMissing } from '../temporal/schedule-record';
import { temporalPlace } from '../temporal/target';
import { deadWatch, watchState, type WatchState } from '../temporal/schedule';
import { withTemporal } from './connections';
import { shortSet } from './consent';
import { load, warn, type Options } from './options';
import { failedCycle, formatCycle, formatFailure } from './text';

/** `vsync status`: what the last cycles did, and what waits for an operator. */
export async function showStatus(options: Options): Promise<void> {
  const config = load(options);
  const { info, close } = await infoOf(config);
  try {
    const status = await withTemporal(config, async (client) => {
      // Nothing is changed here: what belongs to another sync is shown too, with a warning.
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

/** Cycles that status shows. Temporal remembers the last ten of a schedule. */
const SHOWN_CYCLES = 5;

/** One cycle, as far as Temporal still has it. */
export interface CycleStatus {
  workflowId: string;
  runId: string;
  startedAt: string;
  /** An outcome, or `running`, `failed`, `terminated`, `forgotten` (its history is past the retention). */
  outcome: string;
  durationMs?: number;
  counts?: Counts;
  failures?: PathFailure[];
  /** Why it failed, or what explains its outcome. */
  note?: string;
}

/** What `vsync status --json` prints. */
export interface Status {
  name: string;
  role: string;
  schedule: string;
  paused: boolean;
  /** Of a destination: `running`, `missing`, or how it ended (`terminated`, `canceled`, `failed`, …). */
  watch?: WatchState;
  /** RFC 3339; absent if paused. */
  nextCycleAt?: string;
  /** Newest first. */
  cycles: CycleStatus[];
  /** The last cycle that changed something or ended in another way than before, from Consul: it outlives Temporal's retention. */
  last?: LastCycle;
  /** Mounts of the origin that were re-created: they wait for `vsync approve --mount`. */
  changedMounts?: string[];
  /** Deletes that wait for `vsync approve`. */
  held?: PendingDeletes;
  /** Copies that expire; `early`: before their originals do. */
  expiries?: { copies: number; early: number; /** RFC 3339 */ nextAt?: string };
  /** Secrets that an earlier configuration left at the destination: `vsync plan` lists them. */
  orphans?: number;
}

/** Collects the status of one sync from Temporal and Consul. */
export async function readStatus(client: Client, config: Config, info: SyncInfo): Promise<Status> {
  const handle = client.schedule.getHandle(scheduleId(config.role, config.name));
  const description = await findSchedule(client, config.role, config.name);
  if (description === undefined)
    throw new UserError(
      `there is no schedule ${handle.scheduleId}: ${whyMissing((await readRecord(info)).record, temporalPlace(config.temporal))}`,
    );
  const { state, info: scheduleInfo } = description;
  const watch = config.role === 'destination' ? await watchState(client, config.name) : undefined;
  const recent = cyclesOf(description).slice(-SHOWN_CYCLES).reverse();
  const cycles = await Promise.all(recent.map((cycle) => readCycle(client, cycle)));
  const stored = await readStateOf(config.role, info);
  const next = state.paused ? undefined : scheduleInfo.nextActionTimes[0]?.toISOString();
  return {
    name: config.name,
    role: config.role,
    schedule: handle.scheduleId,
    paused: state.paused,
    ...(watch === undefined ? {} : { watch }),
    ...(next === undefined ? {} : { nextCycleAt: next }),
    cycles,
    ...(stored.state?.last === undefined ? {} : { last: stored.state.last }),
    ...waitingIn(stored.state),
  };
}

/** What waits for an operator. */
function waitingIn(
  state: OriginState | DestinationState | undefined,
): Pick<Status, 'changedMounts' | 'held' | 'orphans' | 'expiries'> {
  if (state === undefined) return {};
  const mounts = state.changedMounts === undefined ? {} : { changedMounts: Object.keys(state.changedMounts) };
  if (!('considered' in state)) return mounts;
  const { held, orphans, expiries } = state;
  return {
    ...mounts,
    ...(held && { held }),
    ...(orphans && { orphans: orphans.count }),
    ...(expiries !== undefined && expiries.copies > 0 && { expiries: endsOf(expiries) }),
  };
}

function endsOf({ copies, early, nextMs }: ExpirySummary): NonNullable<Status['expiries']> {
  return { copies, early, ...(nextMs !== undefined && { nextAt: new Date(nextMs).toISOString() }) };
}

async function readCycle(client: Client, { workflowId, runId, takenAt }: CycleId): Promise<CycleStatus> {
  const cycle = { workflowId, runId, startedAt: takenAt.toISOString() };
  const handle = client.workflow.getHandle(workflowId, runId);
  try {
    const { status, startTime, closeTime } = await handle.describe();
    if (closeTime === undefined) return { ...cycle, outcome: 'running' };
    const durationMs = closeTime.getTime() - startTime.getTime();
    if (status.name !== 'COMPLETED') return { ...cycle, durationMs, ...(await whyNotCompleted(handle)) };
    const { outcome, counts, failures, note } = (await handle.result()) as CycleResult;
    return { ...cycle, outcome, durationMs, counts, failures, ...(note === undefined ? {} : { note }) };
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return { ...cycle, outcome: 'forgotten' };
    throw error;
  }
}

async function whyNotCompleted(handle: WorkflowHandle): Promise<{ outcome: string; note?: string }> {
  try {
    await handle.result();
    return { outcome: 'unknown' };
  } catch (error) {
    if (error instanceof WorkflowFailedError) return failedCycle(error);
    throw error;
  }
}

/** The status as text. */
export function formatStatus(status: Status): string {
  const lines = [
    `${status.schedule}${status.paused ? ' (paused)' : ''}`,
    status.nextCycleAt === undefined ? undefined : `  next cycle  ${status.nextCycleAt}`,
    status.watch === undefined || status.watch === 'running'
      ? undefined
      : `  watch       ${deadWatch(status.name, status.watch)}`,
    status.last &&
      `  last change ${status.last.finishedAt}  ${formatCycle(status.last.outcome, status.last.counts)}`,
    ...(status.changedMounts ?? []).map(
      (mount) =>
        `  re-created  ${mount}: its secrets are kept until "vsync approve --mount ${mount} -c FILE"`,
    ),
    status.held &&
      `  held        ${status.held.count} deletes wait for "vsync approve --set ${shortSet(status.held.hash)} -c FILE": ${status.held.reason}`,
    status.orphans === undefined
      ? undefined
      : `  orphans     ${status.orphans} secrets that an earlier configuration left at the destination: "vsync plan -c FILE" lists them`,
    status.expiries === undefined || status.expiries.early === 0
      ? undefined
      : `  expire      ${status.expiries.early} copies expire before their originals${firstAt(status.expiries.nextAt)}: delete_version_after of the ` +
        'secret or its mount at the destination; each is then copied again ("vsync check -c FILE" names the mounts)',
    status.cycles.length === 0 ? '  no cycle yet' : '  cycles',
    ...status.cycles.flatMap((cycle) => [
      `    ${cycle.startedAt}  ${formatCycle(cycle.outcome, cycle.counts, cycle.durationMs)}`,
      cycle.note === undefined ? undefined : `      ${cycle.note}`,
      ...(cycle.failures ?? []).map((failure) => `      ${formatFailure(failure)}`),
    ]),
  ];
  return lines.filter((line) => line !== undefined).join('\n');
}

function firstAt(nextAt: string | undefined): string {
  return nextAt === undefined ? '' : `, the first at ${nextAt}`;
}
