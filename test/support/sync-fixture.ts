import { Client, Connection, type ScheduleHandle, type WorkflowHandle } from '@temporalio/client';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { DestinationDeps } from '../../src/activities/destination/base/deps';
import { approveDeletes, approveMounts, pendingDeletes } from '../../src/cli/approve';
import { approveOrphans, orphansSet } from '../../src/cli/prune';
import { createClients, infoOf } from '../../src/activities/clients';
import { loadConfig } from '../../src/config/load';
import type { Config } from '../../src/config/schema';
import { scheduleId, watchId } from '../../src/contract/ids';
import type { Plan } from '../../src/activities/destination/plan/plan';
import { planCycle } from '../../src/activities/destination/plan/plan-cycle';
import { start, stop, trigger } from '../../src/temporal/operations';
import { cyclesOf } from '../../src/temporal/schedule';
import { createLog } from '../../src/log';
import { readStatus } from '../../src/cli/status/read-status';
import type { Status } from '../../src/cli/status/status';
import { createWorkers, type VsyncWorker, type WorkerOptions } from '../../src/worker/create-workers';
import { installRuntime } from '../../src/worker/runtime';
import type { CycleResult } from '../../src/contract/cycle';
import { repair, type Repair } from '../../src/cli/verify/repair';
import { repairable, type Report } from '../../src/cli/verify/command';
import { runVerify } from '../../src/cli/verify/run';
import { testBundle } from './bundle';
import { ConsulApi } from '../../dev/shared/consul-api';
import { eventually } from './eventually';
import { endQuietWatch, quietWatch } from '../../dev/shared/quiet-watch';
import { sharedServers, type SharedServers } from './shared-servers';
import { VaultApi } from '../../dev/shared/vault-api';

export interface FixtureOptions {
  /** Servers of its own, for a test that kills them; by default the shared ones. */
  servers?: SharedServers;
  /** Part of all its names; random by default. */
  id?: string;
  /** Number of destinations, 0 to 2; 1 by default. */
  destinations?: number;
  numBuckets?: number;
  /** Go duration. The default is so long that cycles run only when triggered. */
  tick?: string;
  timeout?: string;
  transforms?: { name: string; from: string; to: string }[];
  ignoreDeletes?: boolean;
  /** More keys of the destination's section. */
  destination?: Record<string, unknown>;
  numWorkers?: number;
  /** Address for the destinations' Vault instead of its own: for example, a proxy's. */
  destinationVault?: string;
  /** Runs before the configuration files are written. */
  beforeFiles?: (fixture: SyncFixture) => Promise<void>;
  /** Changes a configuration file before it is written. */
  edit?: (file: Record<string, unknown>, role: 'origin' | 'destination') => void;
}

/** The parts of a configuration file that tests change. */
export type FileContent = Record<string, unknown> & {
  origin: Record<string, unknown>;
  destination: Record<string, unknown> & { transforms: unknown[] };
};

/** Messages to the caller of a verify, and its way to cancel. */
export interface VerifyHooks {
  say?: (text: string) => void;
  signal?: AbortSignal;
}

/** Options of the fixture's workers. */
export type Work = Partial<Pick<WorkerOptions, 'log' | 'vaultTimes' | 'checkEveryMs' | 'awayRetryMs'>>;

let runtimeInstalled = false;

/** One sync on the shared servers, with mounts, sync paths and names that no other test uses. */
export class SyncFixture {
  readonly servers: SharedServers;
  readonly id: string;
  readonly mount: string;
  readonly originVault: VaultApi;
  readonly destinationVaults: VaultApi[];
  readonly consul: ConsulApi;
  /** Prefix of the sync paths of the origin and of each destination. */
  readonly syncPath: string;
  readonly folder = mkdtempSync(path.join(os.tmpdir(), 'vsync-test-'));
  readonly originFile = path.join(this.folder, 'origin.json');
  readonly destinationFiles: string[] = [];
  private workers: { worker: VsyncWorker; running: Promise<void> }[] = [];
  private connection: Connection | undefined;

  private constructor(private readonly options: FixtureOptions) {
    this.servers = options.servers ?? sharedServers();
    this.id = options.id ?? randomBytes(4).toString('hex');
    this.mount = `kv-${this.id}/`;
    this.syncPath = `test-${this.id}/`;
    this.originVault = new VaultApi(this.servers.origin);
    this.destinationVaults = this.servers.destinations.map((vault) => new VaultApi(vault));
    this.consul = new ConsulApi(this.servers.consul);
  }

  static async create(options: FixtureOptions = {}): Promise<SyncFixture> {
    const fixture = new SyncFixture(options);
    await fixture.setUp();
    return fixture;
  }

  private async setUp(): Promise<void> {
    const { destinations = 1, edit, beforeFiles } = this.options;
    await this.originVault.mount(this.mount);
    for (let number = 0; number < destinations; number++)
      await this.destinationVaults[number]?.mount(this.mount);
    await beforeFiles?.(this);
    this.writeFile(this.originFile, this.originConfig(), (file) => edit?.(file, 'origin'));
    for (let number = 0; number < destinations; number++) {
      const file = path.join(this.folder, `destination-${number}.json`);
      this.writeFile(file, this.destinationConfig(number), (content) => edit?.(content, 'destination'));
      this.destinationFiles.push(file);
    }
    this.connection = await Connection.connect({ address: this.servers.temporal });
  }

  get client(): Client {
    return new Client({ connection: this.connection as Connection });
  }

  config(role: 'origin' | 'destination', number = 0): Config {
    const file = role === 'origin' ? this.originFile : (this.destinationFiles[number] ?? '');
    return loadConfig(role, { file, flags: {}, env: {} }).config;
  }

  schedule(role: 'origin' | 'destination', number = 0): ScheduleHandle {
    return this.client.schedule.getHandle(scheduleId(role, this.nameOf(role, number)));
  }

  /** Reads the name only: waits need it often, and validating a whole configuration takes long. */
  private nameOf(role: 'origin' | 'destination', number: number): string {
    const file = role === 'origin' ? this.originFile : (this.destinationFiles[number] ?? '');
    const { name = role } = JSON.parse(readFileSync(file, 'utf8')) as { name?: string };
    return name;
  }

  /** Key prefix of the sync info of one role. */
  infoPrefix(role: 'origin' | 'destination', number = 0): string {
    return role === 'origin' ? `${this.syncPath}origin/` : `${this.syncPath}d${number}/destination/`;
  }

  /** Runs the workers of all configurations, or of one role, in this process. */
  async work({ only, ...work }: Work & { only?: 'origin' | 'destination' } = {}): Promise<void> {
    const configs = [
      this.config('origin'),
      ...this.destinationFiles.map((_, number) => this.config('destination', number)),
    ];
    await this.workOn(
      configs.filter(({ role }) => only === undefined || role === only),
      work,
    );
  }

  /** Runs workers of these configurations in this process, in addition to running ones. */
  async workOn(
    configs: readonly Config[],
    {
      log = createLog({ level: 'error', type: 'json' }),
      vaultTimes,
      checkEveryMs = Infinity,
      awayRetryMs,
    }: Work = {},
  ): Promise<void> {
    if (!runtimeInstalled) installRuntime({ log, shutdownSignals: [] });
    runtimeInstalled = true;
    const worker = await createWorkers(configs, {
      log,
      workflowBundle: testBundle(),
      // Many tests end the watch and need it to stay ended.
      checkEveryMs,
      ...(vaultTimes && { vaultTimes }),
      ...(awayRetryMs !== undefined && { awayRetryMs }),
    });
    this.workers.push({ worker, running: worker.run() });
  }

  /** Runs workers and schedules without the watch: cycles run only when triggered. */
  async run(options: Work = {}): Promise<void> {
    await this.work(options);
    await this.start('origin');
    await this.startQuietly('destination');
  }

  async stopWork(): Promise<void> {
    const stopped = this.workers.splice(0);
    for (const { worker } of stopped) worker.shutdown();
    await Promise.all(stopped.map(({ running }) => running));
  }

  /** Creates or updates the schedule (and the watch), as `vsync start` does. */
  async start(role: 'origin' | 'destination', number = 0, { adopt = false } = {}): Promise<void> {
    if (role === 'destination') await endQuietWatch(this.client, this.nameOf('destination', number));
    await this.startSchedule(role, number, adopt);
  }

  /** The same without a watch. A watch that is ended later polls Consul until its next heartbeat. */
  async startQuietly(role: 'origin' | 'destination', number = 0): Promise<void> {
    if (role === 'destination') await quietWatch(this.client, this.nameOf('destination', number));
    await this.startSchedule(role, number, false);
  }

  private async startSchedule(role: 'origin' | 'destination', number: number, adopt: boolean): Promise<void> {
    const clients = await createClients(this.config(role, number));
    try {
      await start(this.client, clients, { adopt });
    } finally {
      await clients.close();
    }
    // The first cycle must end before a test begins, so that the test's cycles see the test's changes.
    if (this.workers.length > 0) await this.idle(role, number);
  }

  /** Ends the watch of a destination, for tests that count the work of their own cycles. */
  async stopWatch(number = 0): Promise<void> {
    await quietWatch(this.client, this.nameOf('destination', number));
    await this.idle('destination', number);
  }

  /** Approves the pending deletes, as `vsync approve --yes` does. */
  async approve(number = 0): Promise<void> {
    const { info, close } = await infoOf(this.config('destination', number));
    try {
      const at = { info, name: this.nameOf('destination', number) };
      await approveDeletes(at, (await pendingDeletes(at)).hash);
    } finally {
      close();
    }
  }

  /** Approves re-created mounts of the origin, as `vsync approve --mount` does. */
  async approveMounts(role: 'origin' | 'destination', ...mounts: string[]): Promise<void> {
    const { info, close } = await infoOf(this.config(role));
    try {
      await approveMounts({ info, name: this.nameOf(role, 0) }, role, mounts);
    } finally {
      close();
    }
  }

  /** The result of `vsync status`. */
  async status(role: 'origin' | 'destination'): Promise<Status> {
    return readStatus(this.client, this.config(role));
  }

  /** The plan of a destination, as `vsync plan` shows it. */
  async plan(number = 0): Promise<Plan> {
    return this.withDestination(number, (deps) => planCycle(deps, new AbortController().signal));
  }

  /** The report of `vsync verify`. */
  async verify(
    number = 0,
    { say = () => undefined, signal = new AbortController().signal }: VerifyHooks = {},
  ): Promise<Report> {
    return this.withDestination(number, (deps) =>
      runVerify(this.client, deps, { file: this.destinationFiles[number] ?? '', say, signal }),
    );
  }

  /** Has a cycle repair the findings of a verify, as `vsync verify --repair` does. */
  async repair(number = 0): Promise<Repair> {
    const paths = repairable(await this.verify(number));
    return this.withDestination(number, ({ info, config }) =>
      repair(this.client, info, config, { paths, file: 'FILE', say: () => undefined }),
    );
  }

  /** Requests the removal of the plan's orphans, as `vsync prune --orphans --yes` does. */
  async approveOrphans(number = 0): Promise<number> {
    const plan = await this.plan(number);
    await this.withDestination(number, ({ info, config: { name } }) =>
      approveOrphans({ info, name }, plan, orphansSet(plan)),
    );
    return plan.orphans.length;
  }

  private async withDestination<T>(number: number, work: (deps: DestinationDeps) => Promise<T>): Promise<T> {
    const clients = await createClients(this.config('destination', number));
    try {
      if (clients.role !== 'destination')
        throw new Error('the configuration of a destination makes its clients');
      return await work(clients.deps);
    } finally {
      await clients.close();
    }
  }

  /** Changes a configuration file, restarts schedule and worker with it, and waits for the first cycle. */
  async reconfigure(role: 'origin' | 'destination', change: (content: FileContent) => void): Promise<void> {
    const file = role === 'origin' ? this.originFile : (this.destinationFiles[0] ?? '');
    const content = JSON.parse(readFileSync(file, 'utf8')) as FileContent;
    change(content);
    writeFileSync(file, JSON.stringify(content));
    await this.stopWork();
    await this.startQuietly(role);
    await this.work();
    await this.idle(role);
  }

  /** Triggers a cycle, and waits for its result. */
  async cycle(role: 'origin' | 'destination', number = 0): Promise<CycleResult> {
    const { cycle } = await trigger(this.client, this.config(role, number), { wait: true });
    if (cycle === undefined) throw new Error('a trigger that waits has a cycle');
    return cycle.result();
  }

  /** The last cycle that the schedule started. */
  async lastCycle(role: 'origin' | 'destination', number = 0): Promise<WorkflowHandle> {
    const last = cyclesOf(await this.schedule(role, number).describe()).at(-1);
    return this.client.workflow.getHandle(last?.workflowId ?? '', last?.runId);
  }

  /** Cycles that the schedule started and Temporal still lists, oldest first. */
  async cycles(
    role: 'origin' | 'destination',
    number = 0,
  ): Promise<{ startMs: number; closeMs: number | undefined }[]> {
    const cycles = cyclesOf(await this.schedule(role, number).describe());
    return Promise.all(
      cycles.map(async ({ workflowId, runId }) => {
        const { startTime, closeTime } = await this.client.workflow.getHandle(workflowId, runId).describe();
        return { startMs: startTime.getTime(), closeMs: closeTime?.getTime() };
      }),
    );
  }

  /** Waits until no cycle of the schedule is running or pending. */
  async idle(role: 'origin' | 'destination', number = 0): Promise<void> {
    const notRunning = async (): Promise<void> => {
      const { info, raw } = await this.schedule(role, number).describe();
      if (info.runningActions.length > 0 || Number(raw.info?.bufferSize ?? 0) > 0)
        throw new Error('a cycle is running or pending');
    };
    await eventually(async () => {
      // The cheaper check comes first, and again at the end, because a cycle may have begun in between.
      await notRunning();
      const cycles = await this.cycles(role, number);
      if (cycles.some(({ closeMs }) => closeMs === undefined)) throw new Error('a cycle is running');
      await notRunning();
    }, `${role} ${number} to be idle`);
  }

  /** Waits until the watch of a destination asks nothing, wants no further cycle, and its cycles have ended. */
  async watchIsContent(number = 0): Promise<void> {
    const watch = this.client.workflow.getHandle(watchId(this.nameOf('destination', number)));
    await eventually(async () => {
      // A question under way may still start a cycle, whatever the last one has led to.
      const { raw } = await watch.describe();
      const isAsking = (raw.pendingActivities ?? []).some(
        ({ activityType }) => activityType?.name === 'wakeDestination',
      );
      if (isAsking) throw new Error('it asks');
      const { currentDetails } = await watch.query<{ currentDetails?: string }>(
        '__temporal_workflow_metadata',
      );
      if (currentDetails !== 'considered') throw new Error(`its last answer is ${String(currentDetails)}`);
    }, 'the watch to be content');
    await this.idle('destination', number);
  }

  /** Stops everything that was started. */
  async tearDown(): Promise<void> {
    const configs = [
      this.config('origin'),
      ...this.destinationFiles.map((_, number) => this.config('destination', number)),
    ];
    for (const config of configs) await stop(this.client, config);
    await this.stopWork();
    await this.connection?.close();
  }

  private originConfig(): Record<string, unknown> {
    const { numBuckets = 4 } = this.options;
    return { name: `o-${this.id}`, ...this.common(), numBuckets, origin: this.originSection() };
  }

  private originSection(): Record<string, unknown> {
    const { origin, consul } = this.servers;
    return {
      vault: { address: origin.address, token: origin.rootToken },
      consul: { address: consul },
      mounts: [this.mount],
      syncPath: this.syncPath,
      ...this.times(),
    };
  }

  private destinationConfig(number: number): Record<string, unknown> {
    const vault = this.servers.destinations[number];
    const { transforms = [], ignoreDeletes = false, destinationVault, destination } = this.options;
    return {
      name: `d${number}-${this.id}`,
      ...this.common(),
      ignoreDeletes,
      origin: this.originSection(),
      destination: {
        vault: { address: destinationVault ?? vault?.address, token: vault?.rootToken },
        consul: { address: this.servers.consul },
        mounts: [this.mount],
        syncPath: `${this.syncPath}d${number}/`,
        transforms,
        ...this.times(),
        ...destination,
      },
    };
  }

  private common(): Record<string, unknown> {
    return { temporal: { address: this.servers.temporal }, log: { level: 'error' } };
  }

  private times(): Record<string, unknown> {
    const { tick = '24h', timeout = '1m', numWorkers } = this.options;
    return { tick, timeout, ...(numWorkers === undefined ? {} : { numWorkers }) };
  }

  private writeFile(
    file: string,
    content: Record<string, unknown>,
    edit: (content: Record<string, unknown>) => void,
  ): void {
    edit(content);
    writeFileSync(file, JSON.stringify(content, null, 2));
  }
}
