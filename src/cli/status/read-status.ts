import { WorkflowFailedError, type Client, type ScheduleDescription } from '@temporalio/client';
import { infoOf, openVault, scopeOf, type OpenInfo } from '../../activities/clients';
import { OriginTargets } from '../../activities/destination/base/origin-targets';
import { lagSides } from '../../activities/destination/lag';
import { pollersOf, stillPolling, WORKFLOWS } from '../../activities/shared/pollers';
import type { Config, DestinationConfig } from '../../config/schema';
import type { CycleResult } from '../../contract/cycle';
import { scheduleId, taskQueue, type Role } from '../../contract/ids';
import { ExplainedError, UserError } from '../../errors';
import { lagOf, type Lag } from '../../sync-info/lag';
import { readOriginState, readStateOf, type DestinationState, type OriginState } from '../../sync-info/state';
import { publishedSecrets, totalsOf, type KnownSizes, type Totals } from '../../sync-info/totals';
import { readPauseNote } from '../../temporal/pause-note';
import { cyclesOf, findSchedule, ifThere, watchState, type CycleId } from '../../temporal/schedule';
import { readRecord, whyMissing } from '../../temporal/schedule-record';
import { temporalPlace } from '../../temporal/target';
import { VaultError } from '../../vault/errors';
import { failedCycle } from '../text';
import { readFeed, type FeedStatus } from './feed';
import { judge } from './judge';
import { readPush, type PushStatus } from './push';
import type { CycleStatus, Facts, Status, UnknownFact, VaultStatus, WorkerStatus } from './status';

/*
 * Asks the servers. Temporal has to answer; what Consul or a Vault does not answer is left out, and its reason is noted.
 */

/** Time to read the sync info of both ends. */
const CONSUL_TIMEOUT_MS = 15_000;
/** Time for a Vault to describe itself. */
const VAULT_TIMEOUT_MS = 5_000;
/** Cycles that status shows. Temporal remembers the last ten of a schedule. */
const SHOWN_CYCLES = 5;

export interface StatusOptions {
  /** The configuration, for the commands that are shown. */
  file?: string;
  /** Sizes of buckets, for the next call. */
  sizes?: KnownSizes;
}

/** @throws UserError if there is no schedule, or what Temporal refuses */
export async function readStatus(
  client: Client,
  config: Config,
  { file = 'FILE', sizes = new Map() }: StatusOptions = {},
): Promise<Status> {
  const facts = await readFacts(client, config, sizes);
  return { ...facts, ...judge(facts, file) };
}

async function readFacts(client: Client, config: Config, sizes: KnownSizes): Promise<Facts> {
  const { name, role } = config;
  const description = await findSchedule(client, role, name);
  if (description === undefined) throw await missing(config);
  const asked = new Asked();
  const [cycles, worker, watch, push, vaults, stored] = await Promise.all([
    readCycles(client, description),
    workersOf(client, taskQueue(role, name)),
    role === 'destination' ? watchState(client, name) : undefined,
    config.role === 'destination' ? pushOf(client, config, asked) : undefined,
    vaultsOf(config),
    storedFacts(client, config, asked, sizes),
  ]);
  const { state, info: scheduleInfo } = description;
  const next = state.paused ? undefined : scheduleInfo.nextActionTimes[0]?.toISOString();
  const lastSuccessAt = cycles.lastSuccessAt ?? successOf(stored.last);
  return {
    name,
    role,
    schedule: scheduleId(role, name),
    at: new Date().toISOString(),
    vaults,
    ...(worker && { worker }),
    paused: state.paused,
    ...(state.paused && { pause: readPauseNote(state.note) }),
    ...(watch !== undefined && { watch }),
    ...(next !== undefined && { nextCycleAt: next }),
    skipped: {
      overlap: scheduleInfo.numActionsSkippedOverlap,
      missed: scheduleInfo.numActionsMissedCatchupWindow,
    },
    ...(lastSuccessAt !== undefined && { lastSuccessAt }),
    cycles: cycles.shown,
    ...stored,
    ...(push && { push }),
    unknown: asked.unknown,
  };
}

/** Questions to Consul. Those that fail are noted by their reason. */
class Asked {
  private readonly failed = new Map<string, string[]>();

  /** @returns undefined if there is no answer */
  async for<T>(what: string, ask: (signal: AbortSignal) => Promise<T>): Promise<T | undefined> {
    const signal = AbortSignal.timeout(CONSUL_TIMEOUT_MS);
    try {
      return await ask(signal);
    } catch (error) {
      if (!(error instanceof ExplainedError) && !signal.aborted) throw error;
      const why = signal.aborted
        ? `Consul did not answer within ${CONSUL_TIMEOUT_MS / 1000} s`
        : (error as ExplainedError).message;
      this.failed.set(why, [...(this.failed.get(why) ?? []), what]);
      return undefined;
    }
  }

  get unknown(): UnknownFact[] {
    return [...this.failed].map(([why, what]) => ({ what: what.join(', '), why }));
  }
}

/** What sync info shows. Without Consul it is empty. */
async function storedFacts(
  client: Client,
  config: Config,
  asked: Asked,
  sizes: KnownSizes,
): Promise<StoredFacts> {
  const own = await asked.for('what sync info holds', () => infoOf(config));
  if (own === undefined) return {};
  try {
    const stored = await asked.for('the last change, and what waits', () =>
      readStateOf(config.role, own.info),
    );
    if (stored === undefined) return {};
    const { state } = stored;
    const known = { ...(state?.last && { last: state.last }), ...waitingIn(state) };
    if (config.role === 'destination')
      return { ...known, ...(await differences(config, own, state, asked, sizes)) };
    const published = await asked.for('the number of secrets', (signal) =>
      publishedSecrets(own.info, signal, sizes),
    );
    const feed = await asked.for('the feed', () => readFeed(client, config, own.info));
    return { ...known, ...(published !== undefined && { published }), ...(feed && { feed }) };
  } finally {
    own.close();
  }
}

type StoredFacts = Partial<
  Pick<Facts, 'last' | 'changedMounts' | 'held' | 'orphans' | 'expiries' | 'lag' | 'totals' | 'published'> & {
    feed: FeedStatus;
  }
>;

/** The sync info of both ends, compared. */
async function differences(
  config: DestinationConfig,
  { info }: OpenInfo,
  state: OriginState | DestinationState | undefined,
  asked: Asked,
  sizes: KnownSizes,
): Promise<{ lag?: Lag; totals?: Totals }> {
  return (
    (await asked.for('lag and totals', async (signal) => {
      const { info: originInfo, close } = await infoOf(config, 'origin');
      try {
        const scope = scopeOf(config, new Map());
        const targets = new OriginTargets(originInfo, scope, config.destination.transforms.length > 0);
        const sides = await lagSides({ info, originInfo, scope, targets }, state, signal);
        if (sides === undefined) return {};
        const lag = await lagOf(sides, signal);
        const totals = await totalsOf(sides, signal, sizes);
        return { ...(lag && { lag }), ...(totals && { totals }) };
      } finally {
        close();
      }
    })) ?? {}
  );
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

/** Why there is no schedule, as far as Consul shows it. */
async function missing(config: Config): Promise<UserError> {
  const asked = new Asked();
  const record = await asked.for('record', async (signal) => {
    const { info, close } = await infoOf(config);
    try {
      return (await readRecord(info, signal)).record;
    } finally {
      close();
    }
  });
  const [failed] = asked.unknown;
  const why = whyMissing(record, temporalPlace(config.temporal));
  const schedule = scheduleId(config.role, config.name);
  return new UserError(
    `there is no schedule ${schedule}: ${why}${failed === undefined ? '' : ` (why it is missing is unknown: ${failed.why})`}`,
  );
}

/** Undefined if there is none and the origin has no feed: then there is nothing to push. */
async function pushOf(
  client: Client,
  config: DestinationConfig,
  asked: Asked,
): Promise<PushStatus | undefined> {
  const push = await readPush(client, config.name);
  if (push.state !== 'missing') return push;
  const hasFeed = await asked.for('whether the origin has a feed', async (signal) => {
    const { info, close } = await infoOf(config, 'origin');
    try {
      return (await readOriginState(info, signal)).state?.feed === true;
    } finally {
      close();
    }
  });
  return hasFeed === true ? push : undefined;
}

async function workersOf(client: Client, queue: string): Promise<WorkerStatus | undefined> {
  const pollers = await pollersOf(client, queue, WORKFLOWS).catch(() => undefined);
  if (pollers === undefined) return undefined;
  const polling = stillPolling(pollers, Date.now()).map(({ identity, lastMs }) => ({
    identity,
    lastPollAt: new Date(lastMs).toISOString(),
  }));
  return { queue, polling };
}

async function vaultsOf(config: Config): Promise<Status['vaults']> {
  const [origin, destination] = await Promise.all([
    vaultOf(config, 'origin'),
    config.role === 'destination' ? vaultOf(config, 'destination') : undefined,
  ]);
  return { origin, ...(destination && { destination }) };
}

/** Sends no token. */
async function vaultOf(config: Config, side: Role): Promise<VaultStatus> {
  const { vault } =
    side === 'destination' && config.role === 'destination' ? config.destination : config.origin;
  const { address } = vault;
  const kv = openVault({ ...vault, auth: { kind: 'token', token: 'none' } }, 1);
  const signal = AbortSignal.timeout(VAULT_TIMEOUT_MS);
  try {
    return { address, ...(await kv.health(signal)) };
  } catch (error) {
    if (signal.aborted) return { address, problem: `no answer within ${VAULT_TIMEOUT_MS / 1000} s` };
    if (!(error instanceof VaultError)) throw error;
    return { address, problem: error.detail };
  } finally {
    await kv.client.close();
  }
}

/** The newest cycles, and the last one that left nothing to do. */
async function readCycles(
  client: Client,
  description: ScheduleDescription,
): Promise<{ shown: CycleStatus[]; lastSuccessAt?: string }> {
  const ids = cyclesOf(description).reverse();
  const read = (some: CycleId[]) => Promise.all(some.map((cycle) => readCycle(client, cycle)));
  const shown = await read(ids.slice(0, SHOWN_CYCLES));
  const success = shown.find(isSuccess) ?? (await read(ids.slice(SHOWN_CYCLES))).find(isSuccess);
  if (success === undefined) return { shown };
  const endMs = Date.parse(success.startedAt) + (success.durationMs ?? 0);
  return { shown, lastSuccessAt: new Date(endMs).toISOString() };
}

const isSuccess = ({ outcome }: Pick<CycleStatus, 'outcome'>): boolean =>
  outcome === 'synced' || outcome === 'unchanged';

const successOf = (last: Status['last']): string | undefined =>
  last !== undefined && isSuccess(last) ? last.finishedAt : undefined;

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
