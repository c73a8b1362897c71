import { WorkflowFailedError, type Client } from '@temporalio/client';
import { infoOf, scopeOf } from '../activities/clients';
import { OriginTargets } from '../activities/destination/base/origin-targets';
import { destinationLag } from '../activities/destination/lag';
import type { Config, DestinationConfig } from '../config/schema';
import { scheduleId } from '../contract/ids';
import type { Counts, CycleResult, PathFailure } from '../contract/cycle';
import type { PendingDeletes } from '../contract/destination';
import { ExplainedError, UserError } from '../errors';
import { formatDuration } from '../rules/time';
import type { Lag } from '../sync-info/lag';
import { readStateOf, type DestinationState, type LastCycle, type OriginState } from '../sync-info/state';
import type { SyncInfo } from '../sync-info/sync-info';
import { assertOwnName } from '../temporal/ownership';
import {
  cyclesOf,
  deadWatch,
  findSchedule,
  ifThere,
  watchState,
  type CycleId,
  type WatchState,
} from '../temporal/schedule';
import { readRecord, whyMissing } from '../temporal/schedule-record';
import { temporalPlace } from '../temporal/target';
import { withInfo, withTemporal } from './connections';
import { shortSet } from './consent';
import { load, warn, type Options } from './options';
import { failedCycle, formatCycle, formatFailure } from './text';

/** `vsync status`: what the last cycles did, and what waits for an operator. */
export async function showStatus(options: Options): Promise<void> {
  const config = load(options);
  const status = await withInfo(config, (info) =>
    withTemporal(config, async (client) => {
      // Nothing is changed here: what belongs to another sync is shown too, with a warning.
      await assertOwnName(client, config).catch((error: unknown) => {
        if (!(error instanceof UserError)) throw error;
        warn([error.message]);
      });
      return readStatus(client, config, info);
    }),
  );
  console.log(options['json'] === true ? JSON.stringify(status, null, 2) : formatStatus(status));
}

/** Time to read the sync info of both ends. */
const LAG_TIMEOUT_MS = 15_000;

/** Cycles that status shows. Temporal remembers the last ten of a schedule. */
const SHOWN_CYCLES = 5;

/** As far as Temporal still has it. */
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
  /** Of a destination: changes that the origin has published and that are not here yet. Absent if that is unknown. */
  lag?: Lag;
}

export async function readStatus(client: Client, config: Config, info: SyncInfo): Promise<Status> {
  const { name, role } = config;
  const schedule = scheduleId(role, name);
  const description = await findSchedule(client, role, name);
  if (description === undefined) {
    const { record } = await readRecord(info);
    throw new UserError(
      `there is no schedule ${schedule}: ${whyMissing(record, temporalPlace(config.temporal))}`,
    );
  }
  const { state, info: scheduleInfo } = description;
  const watch = role === 'destination' ? await watchState(client, name) : undefined;
  const recent = cyclesOf(description).slice(-SHOWN_CYCLES).reverse();
  const cycles = await Promise.all(recent.map((cycle) => readCycle(client, cycle)));
  const stored = await readStateOf(role, info);
  const last = stored.state?.last;
  const lag = config.role === 'destination' ? await readLag(config, info, stored.state) : undefined;
  const next = state.paused ? undefined : scheduleInfo.nextActionTimes[0]?.toISOString();
  return {
    name,
    role,
    schedule,
    paused: state.paused,
    ...(watch !== undefined && { watch }),
    ...(next !== undefined && { nextCycleAt: next }),
    cycles,
    ...(last && { last }),
    ...waitingIn(stored.state),
    ...(lag && { lag }),
  };
}

/** Undefined if sync info cannot be read now: the rest of the status is of interest nevertheless. */
async function readLag(
  config: DestinationConfig,
  info: SyncInfo,
  state: OriginState | DestinationState | undefined,
): Promise<Lag | undefined> {
  const signal = AbortSignal.timeout(LAG_TIMEOUT_MS);
  try {
    const { info: originInfo, close } = await infoOf(config, 'origin');
    try {
      const scope = scopeOf(config, new Map());
      const targets = new OriginTargets(originInfo, scope, config.destination.transforms.length > 0);
      return await destinationLag({ info, originInfo, scope, targets }, state, signal);
    } finally {
      close();
    }
  } catch (error) {
    if (error instanceof ExplainedError || signal.aborted) return undefined;
    throw error;
  }
}

/** What waits for an operator. */
function waitingIn(
  state: OriginState | DestinationState | undefined,
): Pick<Status, 'changedMounts' | 'held' | 'orphans' | 'expiries'> {
  if (state === undefined) return {};
  const mounts = state.changedMounts && { changedMounts: Object.keys(state.changedMounts) };
  if (!('considered' in state)) return { ...mounts };
  const { held, orphans, expiries: { copies = 0, early = 0, nextMs } = {} } = state;
  const nextAt = nextMs === undefined ? undefined : new Date(nextMs).toISOString();
  return {
    ...mounts,
    ...(held && { held }),
    ...(orphans && { orphans: orphans.count }),
    ...(copies > 0 && { expiries: { copies, early, ...(nextAt !== undefined && { nextAt }) } }),
  };
}

async function readCycle(client: Client, { workflowId, runId, takenAt }: CycleId): Promise<CycleStatus> {
  const cycle = { workflowId, runId, startedAt: takenAt.toISOString() };
  const handle = client.workflow.getHandle(workflowId, runId);
  const found = await ifThere(() => handle.describe());
  if (found === undefined) return { ...cycle, outcome: 'forgotten' };
  const { startTime, closeTime } = found.result;
  if (closeTime === undefined) return { ...cycle, outcome: 'running' };
  const durationMs = closeTime.getTime() - startTime.getTime();
  try {
    const ended = await ifThere(() => handle.result() as Promise<CycleResult>);
    if (ended === undefined) return { ...cycle, outcome: 'forgotten' };
    const { outcome, counts, failures, note } = ended.result;
    return { ...cycle, outcome, durationMs, counts, failures, ...(note !== undefined && { note }) };
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    return { ...cycle, durationMs, ...failedCycle(error) };
  }
}

export function formatStatus(status: Status): string {
  const { held, orphans, expiries, last } = status;
  const row = (label: string, text: string | undefined): string[] =>
    text === undefined ? [] : [`  ${label.padEnd(12)}${text}`];
  return [
    `${status.schedule}${status.paused ? ' (paused)' : ''}`,
    ...row('next cycle', status.nextCycleAt),
    ...row(
      'watch',
      status.watch === 'running' ? undefined : status.watch && deadWatch(status.name, status.watch),
    ),
    ...row('last change', last && `${last.finishedAt}  ${formatCycle(last.outcome, last.counts)}`),
    ...(status.changedMounts ?? []).flatMap((mount) =>
      row('re-created', `${mount}: its secrets are kept until "vsync approve --mount ${mount} -c FILE"`),
    ),
    ...row(
      'held',
      held &&
        `${held.count} deletes wait for "vsync approve --set ${shortSet(held.hash)} -c FILE": ${held.reason}`,
    ),
    ...row(
      'orphans',
      orphans === undefined
        ? undefined
        : `${orphans} secrets that an earlier configuration left at the destination: "vsync plan -c FILE" lists them`,
    ),
    ...row('expire', expiries && earlyExpiries(expiries)),
    ...row('lag', status.role === 'destination' ? lagText(status.lag) : undefined),
    status.cycles.length === 0 ? '  no cycle yet' : '  cycles',
    ...status.cycles.flatMap(({ startedAt, outcome, counts, durationMs, note, failures = [] }) => [
      `    ${startedAt}  ${formatCycle(outcome, counts, durationMs)}`,
      ...(note === undefined ? [] : [`      ${note}`]),
      ...failures.map((failure) => `      ${formatFailure(failure)}`),
    ]),
  ].join('\n');
}

function lagText(lag: Lag | undefined): string {
  if (lag === undefined) return 'unknown: sync info is missing, being written, or cannot be read now';
  if (lag.secrets === 0) return 'none';
  const age = formatDuration(Math.floor(lag.ms / 1000) * 1000);
  const since = lag.since === undefined ? '' : `, the oldest change of ${lag.since}`;
  return `${age}: ${lag.secrets} ${lag.secrets === 1 ? 'secret is' : 'secrets are'} behind the origin${since}`;
}

function earlyExpiries({ early, nextAt }: NonNullable<Status['expiries']>): string | undefined {
  if (early === 0) return undefined;
  return (
    `${early} copies expire before their originals${nextAt === undefined ? '' : `, the first at ${nextAt}`}: ` +
    'delete_version_after of the secret or its mount at the destination; each is then copied again ("vsync check -c FILE" ' +
    'names the mounts)'
  );
}
