import { Client } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { existsSync } from 'node:fs';
import os from 'node:os';
import { createDestinationActivities, createOriginActivities } from '../activities';
import { checkAccess, createClients, keepTokens, type Clients } from '../activities/clients';
import { ChangeLog } from '../activities/shared/change-log';
import { ActivityInterceptor, StepLog } from '../activities/shared/interceptor';
import type { Config } from '../config/schema';
import { taskQueue } from '../contract/ids';
import { sharedQueue } from '../contract/cycle';
import { UsageError, UserError } from '../errors';
import { Feed } from '../feed/feed';
import {
  MAX_HEARTBEAT_THROTTLE_MS,
  SCHEDULE_CHECK_EVERY_MS,
  SHARED_ACTIVITIES_PER_WORKER,
  SHUTDOWN_MS,
} from '../limits';
import type { Logger } from '../log';
import { explained, unreachable } from '../temporal/connect';
import { assertOwnSync } from '../temporal/ownership';
import { ScheduleKeeper } from '../temporal/schedule-keeper';
import { temporalTarget, type TemporalTarget } from '../temporal/target';
import type { VaultTimes } from '../vault/client';
import { WORKFLOW_BUNDLE } from './bundle-workflows';
import { serveMetrics } from './metrics-server';
import { logOutages, type RuntimeOptions } from './runtime';
import { askNamespace, logTemporalOutages } from './temporal-outages';

export interface WorkerOptions extends RuntimeOptions {
  /** File with the bundled workflows; the build's by default. */
  workflowBundle?: string;
  vaultTimes?: VaultTimes;
  /** Time between two checks of the schedule and the watch; `Infinity`: no checks. */
  checkEveryMs?: number;
}

/** As Temporal's SDK would choose it. The feed's records name it too: `vsync status` asks Temporal whether it still polls. */
const WORKER_IDENTITY = `${process.pid}@${os.hostname()}`;

/** The running workers of a process. */
export type VsyncWorker = Pick<Workers, 'run' | 'shutdown'>;

/**
 * Creates the workers of any number of configurations; those on the same Temporal share a connection.
 *
 * @throws UserError, or an error of Vault or Consul if a cycle could not do its work
 */
export async function createWorkers(
  configs: readonly Config[],
  options: WorkerOptions,
): Promise<VsyncWorker> {
  const { workflowBundle = WORKFLOW_BUNDLE } = options;
  if (!existsSync(workflowBundle))
    throw new UserError(`${workflowBundle} is missing: run "npm run build" in the folder of vsync`);
  assertNoneTwice(configs);
  const workers = new Workers(options);
  try {
    for (const config of configs) await workers.prepare(config);
    // Only when all of them can work: a worker, once created, keeps its connection until it has run.
    await workers.create(workflowBundle);
    return workers;
  } catch (error) {
    await workers.close();
    throw error;
  }
}

class Workers {
  private readonly connections = new Map<string, NativeConnection>();
  /** In the order of what they close. */
  private readonly closers: (() => void | Promise<void>)[];
  private readonly prepared: Parts[] = [];
  private readonly workers: Worker[] = [];
  private readonly feeds: Feed[] = [];
  /** Why this process has to end, although its workers could work. */
  private refused: Error | undefined;

  constructor(private readonly options: WorkerOptions) {
    this.closers = [logOutages(options.log)];
  }

  /** Connects to the servers of one configuration, and checks what its role may do there. */
  async prepare(config: Config): Promise<void> {
    const { log, vaultTimes } = this.options;
    const target = temporalTarget(config.temporal);
    const connection = await this.connect(target);
    const clients = await createClients(config, vaultTimes);
    this.closers.push(clients.close);
    for (const advice of await checkAccess(clients)) log.warn({ name: config.name }, advice);
    const client = new Client({ connection, namespace: target.namespace });
    await explained(target, () => assertOwnSync(client, clients));
    const ownLog = log.child({ name: config.name });
    if (clients.role === 'destination' && config.log.changes)
      clients.deps.changes = new ChangeLog(ownLog, clients.deps.vault.client.address);
    const tokens = keepTokens(clients, ownLog);
    this.closers.push(() => tokens.close());
    this.prepared.push({ log: ownLog, clients, connection, client, target });
    const feed = Feed.of(clients, client, WORKER_IDENTITY, ownLog);
    if (feed === undefined || clients.role === 'destination') return;
    clients.deps.feed = feed.view;
    this.feeds.push(feed);
  }

  private async connect(target: TemporalTarget): Promise<NativeConnection> {
    const key = JSON.stringify(target);
    const known = this.connections.get(key);
    if (known !== undefined) return known;
    const connection = await connectWorker(target);
    this.closers.push(() => connection.close());
    const ask = (): Promise<unknown> => askNamespace(connection, target);
    this.closers.push(logTemporalOutages({ ask, target, log: this.options.log }));
    this.connections.set(key, connection);
    return connection;
  }

  async create(workflowBundle: string): Promise<void> {
    for (const parts of this.prepared) await this.createPair(parts, workflowBundle);
  }

  /**
   * Two workers: one for the sync's workflows and its own activities, and one for the parts of a cycle that workers
   * share. The second takes no more than it can work at, so that the rest is left to other processes.
   */
  private async createPair({ log, clients, connection, target }: Parts, codePath: string): Promise<void> {
    const { role, name } = clients.deps.config;
    const queue = taskQueue(role, name);
    const { own, shared } = activitiesOf(clients);
    const steps = new StepLog(log);
    const common = {
      connection,
      namespace: target.namespace,
      identity: WORKER_IDENTITY,
      interceptors: { activity: [() => ({ inbound: new ActivityInterceptor(steps) })] },
      maxHeartbeatThrottleInterval: MAX_HEARTBEAT_THROTTLE_MS,
      // Activities are cancelled at once; they save and end in their own time.
      shutdownGraceTime: 0,
      shutdownForceTime: SHUTDOWN_MS,
    };
    const workflowBundle = { codePath };
    this.workers.push(
      await Worker.create({ ...common, taskQueue: queue, activities: own, workflowBundle }),
      await Worker.create({
        ...common,
        taskQueue: sharedQueue(queue),
        activities: shared,
        maxConcurrentActivityTaskExecutions: SHARED_ACTIVITIES_PER_WORKER,
      }),
    );
    log.info({ taskQueue: queue }, 'worker ready');
  }

  /** Runs until the process gets SIGINT or SIGTERM, or `shutdown` is called. Rejects if a worker failed. */
  async run(): Promise<void> {
    const running = this.workers.map(async (worker) => {
      try {
        await worker.run();
      } finally {
        // If one fails, all end: a process that does half of its work would go unnoticed.
        this.shutdown();
      }
    });
    const ended = Promise.allSettled(running);
    // Only when they run: before that, a worker cannot be shut down.
    this.keepSchedules();
    await this.startListening();
    const ends = await ended;
    await this.close();
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
    if (this.refused !== undefined) throw this.refused;
  }

  /** Last, because what a feed brings needs a running worker; so it is also the first to close. */
  private async startListening(): Promise<void> {
    for (const feed of this.feeds) this.closers.push(() => feed.close());
    try {
      const ofAll = this.prepared.map(({ clients }) => clients);
      this.closers.push(await serveMetrics(ofAll, this.options.log));
      for (const feed of this.feeds) await feed.start();
    } catch (error) {
      this.refused ??= error instanceof Error ? error : new Error('the worker could not listen');
      this.shutdown();
    }
  }

  private keepSchedules(): void {
    const { checkEveryMs: everyMs = SCHEDULE_CHECK_EVERY_MS } = this.options;
    if (everyMs === Infinity) return;
    const onOtherSync = (error: UserError): void => {
      this.refused ??= error;
      this.shutdown();
    };
    for (const parts of this.prepared) {
      const keeper = new ScheduleKeeper({ ...parts, everyMs, onOtherSync });
      this.closers.push(() => keeper.close());
    }
  }

  shutdown(): void {
    for (const worker of this.workers) if (worker.getState() === 'RUNNING') worker.shutdown();
  }

  async close(): Promise<void> {
    for (const closer of this.closers.reverse()) await closer();
  }
}

/** Two with the same role and name would take each other's tasks, and fail them. */
function assertNoneTwice(configs: readonly Config[]): void {
  const seen = new Set<string>();
  for (const { role, name, temporal } of configs) {
    const { address, namespace } = temporalTarget(temporal);
    const key = JSON.stringify([address, namespace, role, name]);
    if (seen.has(key))
      throw new UsageError(
        `two of the configurations are of the ${role} ${name}: give each file once, and each sync its own "name"`,
      );
    seen.add(key);
  }
}

/** What the workers of one configuration need. */
interface Parts {
  log: Logger;
  clients: Clients;
  connection: NativeConnection;
  client: Client;
  target: TemporalTarget;
}

/** The activities by the queue that workflows ask for them on (`sharedOptions`). */
function activitiesOf(clients: Clients): { own: object; shared: object } {
  if (clients.role === 'origin') {
    const { fetchMetadata, ...own } = createOriginActivities(clients.deps);
    return { own, shared: { fetchMetadata } };
  }
  const { copySecrets, ...own } = createDestinationActivities(clients.deps);
  return { own, shared: { copySecrets } };
}

/** Connects as a worker. @throws UserError that names the address */
export async function connectWorker(target: TemporalTarget): Promise<NativeConnection> {
  const options = target.connection as Parameters<typeof NativeConnection.connect>[0];
  const connection = await NativeConnection.connect(options).catch(async (error: unknown) => {
    throw await unreachable(target, error);
  });
  try {
    // A worker on a missing namespace fails too, but with the SDK's text, and keeps the process from ending.
    await connection.workflowService.describeNamespace({ namespace: target.namespace });
  } catch (error) {
    await connection.close();
    throw await unreachable(target, error);
  }
  return connection;
}
