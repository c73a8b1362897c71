import { mkdtempSync } from 'node:fs';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { orAborted } from '../../src/concurrency/abort';
import { loadConfig } from '../../src/config/load';
import type { Config } from '../../src/config/schema';
import { scheduleId, type Role } from '../../src/contract/ids';
import { trigger } from '../../src/temporal/operations';
import { cyclesOf, type CycleId } from '../../src/temporal/schedule';
import type { Status } from '../../src/cli/status/status';
import type { CycleResult } from '../../src/contract/cycle';
import { tailOf, type GuardedProcess } from '../shared/guarded-process';
import { quietWatch } from '../shared/quiet-watch';
import type { MountData } from '../shared/sample-secrets';
import { runVsync, startVsync } from '../shared/vsync-command';
import { waitFor } from '../shared/wait';
import { cpuMs } from './machine';
import { sum } from './results';
import { writeConfig, type World } from './world';

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

type Counts = Partial<CycleResult['counts']>;

/** One sync of one role. */
export interface SyncPlan {
  /** Used for its names in Temporal, its folder and its sync path. */
  name: string;
  /** Its mounts, with all secrets that the origin has in them. */
  data: readonly MountData[];
  numBuckets: number;
  /** The worker adapts, if it is not given. */
  numWorkers?: number | undefined;
  /** What differs from the world's. */
  access?: Partial<World['access']>;
  consul?: string;
  /** Go duration; by default no cycle starts by itself. */
  tick?: string;
  /** The section `feed` of an origin. */
  feed?: object;
}

/** The real `vsync` command for one role, with its own configuration and worker processes that are measured. */
export class BenchSync {
  readonly config: Config;
  readonly mounts: readonly string[];
  /** Number of secrets that the origin has in its mounts. */
  readonly secrets: number;
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
    this.mounts = plan.data.map(({ mount }) => mount);
    this.secrets = sum(plan.data.map(({ paths }) => paths.length));
    this.folder = path.join(world.dir, `${role}-${plan.name}`);
    this.file = writeConfig(this.folder, 'vsync.json', this.content(origin?.syncPath));
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
      const home = mkdtempSync(path.join(this.folder, 'worker-'));
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

  /**
   * Creates the schedule.
   *
   * @param wanted counts of its first cycle, if that is measured
   * @returns its first cycle, after which all is quiet
   */
  async start(wanted?: Counts): Promise<MeasuredCycle> {
    const before = this.cpuMs();
    await this.vsync('start');
    const hasBegun = async () => (await this.cycleIds()).length > 0;
    await this.wait(() => 'the schedule began no cycle', hasBegun, READY_WITHIN_MS);
    const first = await this.measured((await this.cycleIds())[0], before);
    return wanted === undefined ? first : expected(first, 'synced', wanted);
  }

  /** Triggers a cycle. @returns it, after which all is quiet. @throws if it did something else than what is wanted */
  async cycle(outcome?: CycleResult['outcome'], wanted: Counts = {}): Promise<MeasuredCycle> {
    this.world.signal.throwIfAborted();
    const before = this.cpuMs();
    await trigger(this.world.client, this.config, { wait: true });
    const cycle = await this.measured((await this.cycleIds()).at(-1), before);
    return outcome === undefined ? cycle : expected(cycle, outcome, wanted);
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
    return JSON.parse(await this.vsync('status', '--json')) as Status;
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

  private async vsync(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await runVsync([...args, '-c', this.file], { home: this.folder });
    // A status also reports by its exit code that the destination is behind.
    if (code === 0 || (code === 3 && args[0] === 'status')) return stdout;
    throw new Error(`vsync ${args.join(' ')} -c ${this.file} failed: ${stderr.trim()}`);
  }

  private wait(what: () => string, check: () => Promise<boolean>, withinMs: number): Promise<number> {
    return waitFor(() => `${this.plan.name}: ${what()}`, check, { withinMs, signal: this.world.signal });
  }

  private get schedule() {
    return this.world.client.schedule.getHandle(scheduleId(this.role, this.config.name));
  }

  private cpuMs(): number {
    return sum(this.pids.map(cpuMs));
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
    const { name, numBuckets, numWorkers, tick = '24h', feed } = plan;
    const access = { ...world.access, ...plan.access };
    const common = { consul: { address: plan.consul ?? world.consul }, mounts: this.mounts };
    const own = { ...common, syncPath, tick, timeout: `${CYCLE_WITHIN_MS / 60_000}m`, numWorkers };
    const ofBoth = { name, temporal: { address: world.temporal }, log: { level: 'info' } };
    if (role === 'origin') return { ...ofBoth, numBuckets, origin: { vault: access.origin, ...own, feed } };
    const origin = { vault: access.atOrigin, ...common, syncPath: originSyncPath };
    return { ...ofBoth, origin, destination: { vault: access.destination, ...own } };
  }
}

function expected(cycle: MeasuredCycle, outcome: CycleResult['outcome'], wanted: Counts): MeasuredCycle {
  const { counts, failures, note } = cycle.result;
  if (cycle.result.outcome === outcome && isDeepStrictEqual({ ...counts, ...wanted }, counts)) return cycle;
  const did = JSON.stringify({ outcome: cycle.result.outcome, counts, failures: failures.slice(0, 3), note });
  const was = `a cycle was not ${outcome} with ${JSON.stringify(wanted)}`;
  throw new Error(`${was}, so its time has no meaning: ${did}`);
}
