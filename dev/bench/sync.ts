import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { loadConfig } from '../../src/config/load';
import type { Config } from '../../src/config/schema';
import { scheduleId, type Role } from '../../src/contract/ids';
import { trigger } from '../../src/temporal/operations';
import { cyclesOf, type CycleId } from '../../src/temporal/schedule';
import type { CycleResult } from '../../src/contract/cycle';
import { quietWatch } from '../shared/quiet-watch';
import { tailOf, type GuardedProcess } from '../shared/guarded-process';
import { runVsync, startVsync } from '../shared/vsync-command';
import { waitFor } from '../shared/wait';
import { cpuMs } from './process-stats';
import type { World } from './world';

/** How long a worker may take until it is ready. */
const READY_WITHIN_MS = 60_000;

/** How long a cycle may take; also its timeout, so that a hang ends. */
const CYCLE_WITHIN_MS = 60 * 60_000;

/** One cycle, as Temporal measured it. */
export interface MeasuredCycle {
  /** From the start of the workflow to its end. */
  ms: number;
  /** When it ended, in milliseconds since the epoch, by Temporal's clock. */
  endedMs: number;
  result: CycleResult;
  /** Of its history. */
  events: number;
  bytes: number;
  /** CPU time of its workers meanwhile, in milliseconds. */
  cpuMs: number;
}

/** One sync of one role. */
export interface SyncPlan {
  /** Used for its names in Temporal, its folder and its sync path. */
  name: string;
  mounts: readonly string[];
  numBuckets: number;
  /** The worker finds it out, if not given. */
  numWorkers?: number;
  /** Token for the destination's Vault, where it is another one than the world's. */
  token?: string;
  /** Addresses of other servers than the world's, or of what stands in front of them. */
  addresses?: { origin?: string; destination?: string; consul?: string };
}

/** The real `vsync` command for one role, on a configuration of its own, with worker processes that are measured. */
export class BenchSync {
  readonly file: string;
  readonly config: Config;
  private readonly workers: GuardedProcess[] = [];
  private readonly folder: string;

  /** @param origin the origin's sync, whose sync info a destination reads */
  constructor(
    private readonly world: World,
    readonly role: Role,
    private readonly plan: SyncPlan,
    origin?: BenchSync,
  ) {
    this.folder = path.join(world.dir, `${role}-${plan.name}`);
    mkdirSync(this.folder, { recursive: true });
    this.file = path.join(this.folder, 'vsync.json');
    // It holds tokens.
    writeFileSync(this.file, JSON.stringify(this.content(origin?.syncPath), null, 2), { mode: 0o600 });
    this.config = loadConfig(role, { file: this.file, flags: {}, env: {} }).config;
  }

  get syncPath(): string {
    return `bench/${this.plan.name}/`;
  }

  /** Starts worker processes, and waits until they are ready. */
  async work(processes = 1): Promise<void> {
    const { signal, cleanUps, profile } = this.world;
    // Node writes the profile when the process ends.
    const folder = path.join(profile ?? '', `${this.role}-${this.plan.name}`);
    const nodeArgs = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${folder}`];
    for (let number = 0; number < processes; number++) {
      signal.throwIfAborted();
      const home = path.join(this.folder, `worker-${this.workers.length + 1}-${Date.now()}`);
      mkdirSync(home);
      const worker = await startVsync(['worker', '-c', this.file], { home, nodeArgs });
      // Nothing of it is worth saving by then.
      cleanUps.push(() => worker.stop('SIGKILL'));
      this.workers.push(worker);
      await waitFor(
        () =>
          `the worker of ${this.plan.name} was not ready; the end of its log:\n${tailOf(worker.logFile)}\n`,
        () => {
          if (worker.exit !== undefined) throw this.workerEnded(worker);
          return Promise.resolve(tailOf(worker.logFile).includes('worker ready'));
        },
        { withinMs: READY_WITHIN_MS, signal },
      );
    }
  }

  get pids(): number[] {
    return this.workers.map(({ pid }) => pid);
  }

  /** CPU time of all workers so far, in milliseconds. */
  cpuMs(): number {
    return this.pids.reduce((sum, pid) => sum + cpuMs(pid), 0);
  }

  /**
   * Creates the schedule, which begins the first cycle.
   *
   * @returns the cycles until all is quiet: the watch of a destination may ask for one more
   */
  async start(): Promise<[first: MeasuredCycle, ...others: MeasuredCycle[]]> {
    const before = this.cpuMs();
    const { code, stderr } = await runVsync(['start', '-c', this.file], { home: this.folder });
    if (code !== 0) throw new Error(`vsync start -c ${this.file} failed: ${stderr.trim()}`);
    const { workflowId, runId } = await this.firstCycle();
    // A long poll: asking again and again costs Temporal more than the cycle itself does.
    await this.orWorkerEnded(this.world.client.workflow.getHandle(workflowId, runId).result());
    await this.idle();
    const cpu = this.cpuMs() - before;
    const [first, ...others] = await Promise.all((await this.cycleIds()).map((id) => this.measured(id, cpu)));
    if (first === undefined) throw new Error(`vsync start began no cycle of ${this.plan.name}`);
    return [first, ...others];
  }

  /** All cycles so far, when no more of them is running or about to. The CPU time of each is not known. */
  async cycles(): Promise<MeasuredCycle[]> {
    await this.idle();
    return Promise.all((await this.cycleIds()).map((id) => this.measured(id, NaN)));
  }

  /** Ends a destination's watch, so that only the cycles that are asked for run. */
  async stopWatch(): Promise<void> {
    await quietWatch(this.world.client, this.config.name);
    await this.idle();
  }

  /** Has the schedule begin a cycle, and waits for its end. */
  async cycle(): Promise<MeasuredCycle> {
    this.world.signal.throwIfAborted();
    const before = this.cpuMs();
    const { cycle } = await trigger(this.world.client, this.config, { wait: true });
    if (cycle === undefined) throw new Error('a trigger that waits has a cycle');
    await this.orWorkerEnded(cycle.result());
    const cpu = this.cpuMs() - before;
    const id = (await this.cycleIds()).at(-1);
    if (id === undefined) throw new Error(`the schedule of ${this.plan.name} does not know its cycle`);
    return this.measured(id, cpu);
  }

  /** Waits until no cycle is running or about to. */
  async idle(): Promise<void> {
    const { client, signal } = this.world;
    const schedule = client.schedule.getHandle(scheduleId(this.role, this.config.name));
    await waitFor(
      () => `the cycles of ${this.plan.name} did not end`,
      async () => {
        for (const worker of this.workers) if (worker.exit !== undefined) throw this.workerEnded(worker);
        const { info, raw } = await schedule.describe();
        if (info.recentActions.length === 0 || info.runningActions.length > 0) return false;
        return Number(raw.info?.bufferSize ?? 0) === 0;
      },
      { withinMs: CYCLE_WITHIN_MS, signal },
    );
  }

  /** Ends the watch and pauses the schedule, so that Temporal has no work for this sync any more. */
  async pause(): Promise<void> {
    const { client } = this.world;
    await client.schedule.getHandle(scheduleId(this.role, this.config.name)).pause();
    if (this.role === 'destination') await this.stopWatch();
  }

  /** Ends the workers in order. */
  async stop(): Promise<void> {
    await Promise.all(this.workers.splice(0).map((worker) => worker.stop()));
  }

  /** The cycle that the schedule began, as soon as it has. */
  private async firstCycle(): Promise<CycleId> {
    let first: CycleId | undefined;
    await waitFor(
      () => `the schedule of ${this.plan.name} began no cycle`,
      async () => {
        [first] = await this.cycleIds();
        return first !== undefined;
      },
      { withinMs: READY_WITHIN_MS, signal: this.world.signal },
    );
    if (first === undefined) throw new RangeError('waited for it');
    return first;
  }

  private async cycleIds(): Promise<CycleId[]> {
    const schedule = this.world.client.schedule.getHandle(scheduleId(this.role, this.config.name));
    return cyclesOf(await schedule.describe());
  }

  private async measured({ workflowId, runId }: CycleId, cpu: number): Promise<MeasuredCycle> {
    const handle = this.world.client.workflow.getHandle(workflowId, runId);
    const result = (await this.orWorkerEnded(handle.result())) as CycleResult;
    const { startTime, closeTime, historyLength, raw } = await handle.describe();
    if (closeTime === undefined) throw new Error(`${workflowId} has a result and no end`);
    return {
      ms: closeTime.getTime() - startTime.getTime(),
      endedMs: closeTime.getTime(),
      result,
      events: historyLength,
      bytes: Number(raw.workflowExecutionInfo?.historySizeBytes ?? 0),
      cpuMs: cpu,
    };
  }

  /** A cycle whose worker is gone would be waited for until its timeout. */
  private async orWorkerEnded<T>(wanted: Promise<T>): Promise<T> {
    const { signal } = this.world;
    signal.throwIfAborted();
    const listening = new AbortController();
    const aborted = new Promise<never>((_, reject) => {
      const onAbort = (): void => {
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', onAbort, { signal: listening.signal });
    });
    const gone = this.workers.map(async (worker): Promise<never> => {
      await worker.exited;
      throw this.workerEnded(worker);
    });
    for (const loser of [aborted, ...gone]) loser.catch(() => undefined);
    try {
      return await Promise.race([wanted, aborted, ...gone]);
    } finally {
      listening.abort();
    }
  }

  private workerEnded({ logFile }: GuardedProcess): Error {
    return new Error(`a worker of ${this.plan.name} has ended; the end of its log:\n${tailOf(logFile)}`);
  }

  private content(originSyncPath: string | undefined): object {
    const { world, role, plan } = this;
    const { mounts, numBuckets, numWorkers, addresses = {}, token } = plan;
    const consul = { address: addresses.consul ?? world.consul };
    const cycle = { tick: '24h', timeout: `${CYCLE_WITHIN_MS / 60_000}m`, numWorkers };
    const origin = {
      vault: { address: addresses.origin ?? world.origin.address, token: world.origin.token },
      consul,
      mounts,
      syncPath: originSyncPath ?? this.syncPath,
    };
    const common = { name: plan.name, temporal: { address: world.temporal }, log: { level: 'info' } };
    if (role === 'origin') return { ...common, numBuckets, origin: { ...origin, ...cycle } };
    return {
      ...common,
      origin,
      destination: {
        vault: {
          address: addresses.destination ?? world.destination.address,
          token: token ?? world.destination.token,
        },
        consul,
        mounts,
        syncPath: this.syncPath,
        ...cycle,
      },
    };
  }
}
