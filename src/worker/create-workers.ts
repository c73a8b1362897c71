import { Client } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { existsSync } from 'node:fs';
import { createDestinationActivities, createOriginActivities } from '../activities';
import { checkAccess, createClients, keepTokens, type Clients } from '../activities/clients';
import { ActivityInterceptor } from '../activities/shared/interceptor';
import type { Config } from '../config/schema';
import { taskQueue } from '../contract/ids';
import { sharedQueue } from '../contract/cycle';
import { UserError } from '../errors';
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
import { logOutages, type RuntimeOptions } from './runtime';

export interface WorkerOptions extends RuntimeOptions {
  /** File with the bundled workflows; the build's by default. */
  workflowBundle?: string;
  vaultTimes?: VaultTimes;
  /** Time between two checks of the schedule and the watch; `Infinity`: no checks. */
  checkEveryMs?: number;
}

/** A worker for one configuration: its workflows and activities, on its own task queue. */
export interface VsyncWorker {
  /** Runs until the process gets SIGINT or SIGTERM, or `shutdown` is called. Rejects if the worker failed. */
  run: () => Promise<void>;
  shutdown: () => void;
}

/**
 * Creates the workers of any number of configurations; those on the same Temporal share a connection.
 *
 * @throws UserError, or an error of Vault or Consul if a cycle could not do its work
 */
export async function createWorkers(
  configs: readonly Config[],
  options: WorkerOptions,
): Promise<VsyncWorker> {
  const { log, workflowBundle = WORKFLOW_BUNDLE, checkEveryMs = SCHEDULE_CHECK_EVERY_MS } = options;
  if (!existsSync(workflowBundle))
    throw new UserError(`${workflowBundle} is missing: run "npm run build" in the folder of vsync`);
  assertNoneTwice(configs);
  const connections = new Map<string, NativeConnection>();
  const closers: (() => void | Promise<void>)[] = [];
  const prepared: Parts[] = [];
  const workers: Worker[] = [];
  const close = async (): Promise<void> => {
    for (const closer of closers.reverse()) await closer();
  };
  closers.push(logOutages(log));
  try {
    for (const config of configs) {
      const target = temporalTarget(config.temporal);
      const key = JSON.stringify(target);
      const connection = connections.get(key) ?? (await connectWorker(target));
      if (!connections.has(key)) closers.push(() => connection.close());
      connections.set(key, connection);
      const clients = await createClients(config, options.vaultTimes);
      closers.push(clients.close);
      for (const advice of await checkAccess(clients)) log.warn({ name: config.name }, advice);
      const client = new Client({ connection, namespace: target.namespace });
      await explained(target, () => assertOwnSync(client, clients));
      const ownLog = log.child({ name: config.name });
      const keepers = keepTokens(clients, ownLog);
      closers.push(() => keepers.close());
      prepared.push({ log: ownLog, clients, connection, client, target });
    }
    // Only when all of them can work: a worker, once created, keeps its connection until it has run.
    for (const parts of prepared) workers.push(...(await createPair(parts, workflowBundle, log)));
  } catch (error) {
    await close();
    throw error;
  }
  const shutdown = (): void => {
    for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
  };
  let refused: UserError | undefined;
  const onOtherSync = (error: UserError): void => {
    refused ??= error;
    shutdown();
  };
  return {
    run: async () => {
      const running = workers.map(async (worker) => {
        try {
          await worker.run();
        } finally {
          // If one fails, all end: a process that does half of its work would go unnoticed.
          shutdown();
        }
      });
      // Only when they run: before that, a worker cannot be shut down.
      if (checkEveryMs < Infinity) {
        for (const parts of prepared) {
          const keeper = new ScheduleKeeper({ ...parts, everyMs: checkEveryMs, onOtherSync });
          closers.push(() => keeper.close());
        }
      }
      const ends = await Promise.allSettled(running);
      await close();
      for (const end of ends) if (end.status === 'rejected') throw end.reason;
      if (refused !== undefined) throw refused;
    },
    shutdown,
  };
}

/** Two with the same role and name would take each other's tasks, and fail them. */
function assertNoneTwice(configs: readonly Config[]): void {
  const seen = new Set<string>();
  for (const { role, name, temporal } of configs) {
    const { address, namespace } = temporalTarget(temporal);
    const key = JSON.stringify([address, namespace, role, name]);
    if (seen.has(key))
      throw new UserError(
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

/**
 * Two workers: one for the sync's workflows and its own activities, and one for the parts of a cycle that workers
 * share. The second takes no more than it can work at, so that the rest is left to other processes.
 */
async function createPair(parts: Parts, workflowBundle: string, log: Logger): Promise<Worker[]> {
  const { clients, connection, target } = parts;
  const { role, name } = clients.deps.config;
  const queue = taskQueue(role, name);
  const { own, shared } = activitiesOf(clients);
  const common = {
    connection,
    namespace: target.namespace,
    interceptors: { activity: [() => ({ inbound: new ActivityInterceptor(log) })] },
    maxHeartbeatThrottleInterval: MAX_HEARTBEAT_THROTTLE_MS,
    // Activities are cancelled at once; they save and end in their own time.
    shutdownGraceTime: 0,
    shutdownForceTime: SHUTDOWN_MS,
  };
  const pair = [
    await Worker.create({
      ...common,
      taskQueue: queue,
      activities: own,
      workflowBundle: { codePath: workflowBundle },
    }),
    await Worker.create({
      ...common,
      taskQueue: sharedQueue(queue),
      activities: shared,
      maxConcurrentActivityTaskExecutions: SHARED_ACTIVITIES_PER_WORKER,
    }),
  ];
  log.info({ name, taskQueue: queue }, 'worker ready');
  return pair;
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
