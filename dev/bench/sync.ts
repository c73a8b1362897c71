import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { orAborted } from '../../src/concurrency/abort';
import { loadConfig } from '../../src/config/load';
import type { Config } from '../../src/config/schema';
import { scheduleId, type Role } from '../../src/contract/ids';
import { trigger } from '../../src/temporal/operations';
import { cyclesOf, type CycleId } from '../../src/temporal/schedule';
import type { Status } from '../../src/cli/status/read-status';
import type { CycleResult } from '../../src/contract/cycle';
import { tailOf, type GuardedProcess } from '../shared/guarded-process';
import { quietWatch } from '../shared/quiet-watch';
import { runVsync, startVsync } from '../shared/vsync-command';
import { waitFor } from '../shared/wait';
import { cpuMs } from './machine';
import type { World } from './world';

const READY_WITHIN_MS = 60_000;

/** How long a cycle may take; also its timeout, so that a hang ends. */
const CYCLE_WITHIN_MS = 60 * 60_000;

/** One cycle, as Temporal measured it. */
export interface MeasuredCycle {
  /** From the start of the workflow to its end. */
  ms: number;
  /** In milliseconds since the epoch, by Temporal's clock. */
  endedMs: number;
  result: CycleResult;
  /** Of its history. */
  events: number;
  bytes: number;
  /** CPU time of its workers meanwhile. */
  cpuMs: number;
}

/** One sync of one role. */
export interface SyncPlan {
  /** Used for its names in Temporal, its folder and its sync path. */
  name: string;
  mounts: readonly string[];
  numBuckets: number;
  /** The worker adapts, if it is not given. */
  numWorkers?: number;
  /** Tokens that differ from the world's: of the origin's role, and of the destination's role at its own Vault. */
  tokens?: { origin?: string; destination?: string };
  /** Go duration; by default no cycle starts by itself. */
  tick?: string;
  /** The section `feed` of an origin. */
  feed?: object;
  /** Addresses that differ from those of the world's servers. */
  addresses?: { origin?: string; destination?: string; consul?: string };
}

/** The real `vsync` command for one role, with its own configuration and worker processes that are measured. */
export class BenchSync {
  readonly config: Config;
  private readonly workers: GuardedProcess[] = [];
  private readonly folder: string;
  private readonly file: string;

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

  get pids(): number[] {
    return this.workers.map(({ pid }) => pid);
  }

  /** Starts worker processes, and waits until they are ready. A worker that ends by itself ends the benchmark. */
  async work(processes = 1): Promise<void> {
    const { cleanUps, fail, profile } = this.world;
    const nodeArgs = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`];
    for (let number = 0; number < processes; number++) {
      const home = path.join(this.folder, `worker-${this.workers.length + 1}-${Date.now()}`);
      mkdirSync(home);
      const worker = await startVsync(['worker', '-c', this.file], { home, nodeArgs });
      cleanUps.push(() => worker.stop('SIGKILL'));
      this.workers.push(worker);
      const log = (): string => `; the end of its log:\n${tailOf(worker.logFile)}\n`;
      void worker.exited.then(() => {
        if (this.workers.includes(worker)) fail(new Error(`a worker of ${this.plan.name} has ended${log()}`));
      });
      const isReady = () => Promise.resolve(tailOf(worker.logFile).includes('worker ready'));
      await this.wait(() => `the worker was not ready${log()}`, isReady, READY_WITHIN_MS);
    }
  }

  /** Creates the schedule. @returns its first cycle, after which all is quiet */
  async start(): Promise<MeasuredCycle> {
    const before = this.cpuMs();
    const { code, stderr } = await runVsync(['start', '-c', this.file], { home: this.folder });
    if (code !== 0) throw new Error(`vsync start -c ${this.file} failed: ${stderr.trim()}`);
    const hasBegun = async () => (await this.cycleIds()).length > 0;
    await this.wait(() => 'the schedule began no cycle', hasBegun, READY_WITHIN_MS);
    return this.measured((await this.cycleIds())[0], before);
  }

  /** Triggers a cycle. @returns it, after which all is quiet */
  async cycle(): Promise<MeasuredCycle> {
    this.world.signal.throwIfAborted();
    const before = this.cpuMs();
    await trigger(this.world.client, this.config, { wait: true });
    return this.measured((await this.cycleIds()).at(-1), before);
  }

  /** All cycles so far, when all is quiet. */
  async cycles(): Promise<MeasuredCycle[]> {
    await this.idle();
    return Promise.all((await this.cycleIds()).map((id) => this.measured(id, NaN)));
  }

  /** Waits until no cycle is running or about to. */
  async idle(): Promise<void> {
    const isQuiet = async (): Promise<boolean> => {
      const { info, raw } = await this.schedule.describe();
      if (info.recentActions.length === 0 || info.runningActions.length > 0) return false;
      return Number(raw.info?.bufferSize ?? 0) === 0;
    };
    await this.wait(() => 'the cycles did not end', isQuiet, CYCLE_WITHIN_MS);
  }

  /** What `vsync status` shows. */
  async status(): Promise<Status> {
    const { code, stdout, stderr } = await runVsync(['status', '--json', '-c', this.file], {
      home: this.folder,
    });
    if (code !== 0) throw new Error(`vsync status -c ${this.file} failed: ${stderr.trim()}`);
    return JSON.parse(stdout) as Status;
  }

  /** Ends a destination's watch, so that only triggered cycles run. */
  async stopWatch(): Promise<void> {
    if (this.role === 'destination') await quietWatch(this.world.client, this.config.name);
    await this.idle();
  }

  /** Ends the workers with SIGTERM; only then node writes their profiles. */
  async stop(): Promise<void> {
    await Promise.all(this.workers.splice(0).map((worker) => worker.stop()));
  }

  private wait(what: () => string, check: () => Promise<boolean>, withinMs: number): Promise<number> {
    return waitFor(() => `${this.plan.name}: ${what()}`, check, { withinMs, signal: this.world.signal });
  }

  private get schedule() {
    return this.world.client.schedule.getHandle(scheduleId(this.role, this.config.name));
  }

  private cpuMs(): number {
    return this.pids.reduce((sum, pid) => sum + cpuMs(pid), 0);
  }

  private async cycleIds(): Promise<CycleId[]> {
    return cyclesOf(await this.schedule.describe());
  }

  private async measured(id: CycleId | undefined, cpuBefore: number): Promise<MeasuredCycle> {
    if (id === undefined) throw new Error(`the schedule of ${this.plan.name} has no cycle`);
    const handle = this.world.client.workflow.getHandle(id.workflowId, id.runId);
    // A long poll: asking again and again costs Temporal more than the cycle itself.
    const result = (await orAborted(handle.result(), this.world.signal)) as CycleResult;
    const cpu = this.cpuMs() - cpuBefore;
    const { startTime, closeTime, historyLength, raw } = await handle.describe();
    await this.idle();
    const endedMs = closeTime?.getTime() ?? NaN;
    const bytes = Number(raw.workflowExecutionInfo?.historySizeBytes ?? 0);
    return { ms: endedMs - startTime.getTime(), endedMs, result, events: historyLength, bytes, cpuMs: cpu };
  }

  private content(originSyncPath = this.syncPath): object {
    const { world, role, syncPath, plan } = this;
    const { name, mounts, numBuckets, numWorkers, addresses = {}, tokens = {}, tick = '24h', feed } = plan;
    const { access } = world;
    const consul = { address: addresses.consul ?? world.consul };
    const cycle = { tick, timeout: `${CYCLE_WITHIN_MS / 60_000}m`, numWorkers };
    const token = role === 'origin' ? (tokens.origin ?? access.origin.token) : access.atOrigin.token;
    const vault = { address: addresses.origin ?? world.origin.address, token };
    const origin = { vault, consul, mounts, syncPath: originSyncPath };
    const common = { name, temporal: { address: world.temporal }, log: { level: 'info' } };
    if (role === 'origin') return { ...common, numBuckets, origin: { ...origin, ...cycle, feed } };
    const own = {
      address: addresses.destination ?? world.destination.address,
      token: tokens.destination ?? access.destination.token,
    };
    return { ...common, origin, destination: { vault: own, consul, mounts, syncPath, ...cycle } };
  }
}
