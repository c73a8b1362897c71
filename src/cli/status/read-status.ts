import { WorkflowFailedError, type Client } from '@temporalio/client';
import { infoOf, scopeOf } from '../../activities/clients';
import { OriginTargets } from '../../activities/destination/base/origin-targets';
import { destinationLag } from '../../activities/destination/lag';
import type { Config, DestinationConfig } from '../../config/schema';
import { scheduleId } from '../../contract/ids';
import type { Counts, CycleResult, PathFailure } from '../../contract/cycle';
import type { PendingDeletes } from '../../contract/destination';
import { ExplainedError, UserError } from '../../errors';
import type { Lag } from '../../sync-info/lag';
import {
  readOriginState,
  readStateOf,
  type DestinationState,
  type LastCycle,
  type OriginState,
} from '../../sync-info/state';
import type { SyncInfo } from '../../sync-info/sync-info';
import {
  cyclesOf,
  findSchedule,
  ifThere,
  watchState,
  type CycleId,
  type WatchState,
} from '../../temporal/schedule';
import { readRecord, whyMissing } from '../../temporal/schedule-record';
import { temporalPlace } from '../../temporal/target';
import { failedCycle } from '../text';
import { readFeed, type FeedStatus } from './feed';
import { readPush, type PushStatus } from './push';

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
  /** Of a destination whose origin has a feed: the workflow that takes pushes. */
  push?: PushStatus;
  /** Of an origin with a feed. */
  feed?: FeedStatus;
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
  const push = config.role === 'destination' ? await pushOf(client, config) : undefined;
  const feed = config.role === 'origin' ? await readFeed(client, config, info) : undefined;
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
    ...(push && { push }),
    ...(feed && { feed }),
  };
}

/** Undefined if there is none and the origin has no feed, or its sync info cannot be read now. */
async function pushOf(client: Client, config: DestinationConfig): Promise<PushStatus | undefined> {
  const push = await readPush(client, config.name);
  if (push.state !== 'missing') return push;
  try {
    const { info, close } = await infoOf(config, 'origin');
    try {
      return (await readOriginState(info)).state?.feed === true ? push : undefined;
    } finally {
      close();
    }
  } catch (error) {
    if (error instanceof ExplainedError) return undefined;
    throw error;
  }
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
