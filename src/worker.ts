import {
  DefaultLogger,
  makeTelemetryFilterString,
  Runtime,
  Worker,
  type NativeConnection,
} from '@temporalio/worker';
import { existsSync } from 'node:fs';
import { createDestinationActivities, createOriginActivities } from './activities';
import { ActivityInterceptor } from './activities/interceptor';
import { WORKFLOW_BUNDLE } from './bundle-workflows';
import { createClients, type Clients } from './clients';
import type { Config } from './config/schema';
import { taskQueue } from './names';
import type { Logger } from './telemetry/log';
import { connectWorker, temporalTarget } from './temporal';
import { UserError } from './user-error';

export interface WorkerOptions {
  log: Logger;
  /** File with the bundled workflows; the build's by default. */
  workflowBundle?: string;
  /** Signals that end the worker; SIGINT and SIGTERM by default. */
  shutdownSignals?: NodeJS.Signals[];
}

/** Longest time between two heartbeats on their way to the server: a cancel is noticed that much later at the most. */
const HEARTBEAT_THROTTLE_MS = 2_000;

/** How long a shutdown waits for activities to save what they did. Then they are left to the next worker. */
const SHUTDOWN_MS = 30_000;

/**
 * Prepares Temporal's runtime for this process. To be called once, before any connection.
 */
export function installRuntime({ log, shutdownSignals }: WorkerOptions): void {
  Runtime.install({
    logger: new DefaultLogger('WARN', ({ level, message, meta }) => {
      // The meta may hold an error of any library: only its message is logged, and only where it is asked for.
      log.debug({ temporal: meta }, message);
      if (level !== 'INFO') log.warn(`Temporal SDK: ${message}`);
    }),
    // The native part prints to the console otherwise, and its warnings are part of normal life.
    telemetryOptions: {
      logging: { filter: makeTelemetryFilterString({ core: 'ERROR', other: 'ERROR' }), forward: {} },
    },
    ...(shutdownSignals === undefined ? {} : { shutdownSignals }),
  });
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
 * @throws UserError, or VaultError if a Vault cannot be reached
 */
export async function createWorkers(
  configs: readonly Config[],
  options: WorkerOptions,
): Promise<VsyncWorker> {
  const { log, workflowBundle = WORKFLOW_BUNDLE } = options;
  if (!existsSync(workflowBundle)) {
    throw new UserError(`${workflowBundle} is missing: run "npm run build" in the folder of vsync`);
  }
  const connections = new Map<string, NativeConnection>();
  const closers: (() => Promise<void>)[] = [];
  const workers: Worker[] = [];
  const close = async (): Promise<void> => {
    for (const closer of closers.reverse()) await closer();
  };
  try {
    for (const config of configs) {
      const target = temporalTarget(config.temporal);
      const key = JSON.stringify(target);
      const connection = connections.get(key) ?? (await connectWorker(target));
      if (!connections.has(key)) closers.push(() => connection.close());
      connections.set(key, connection);
      const clients = await createClients(config);
      closers.push(clients.close);
      workers.push(
        await createWorker(config, clients, { log, workflowBundle, connection, namespace: target.namespace }),
      );
      log.info({ name: config.name, taskQueue: taskQueue(config.role, config.name) }, 'worker ready');
    }
  } catch (error) {
    await close();
    throw error;
  }
  return {
    run: async () => {
      try {
        await Promise.all(workers.map((worker) => worker.run()));
      } finally {
        await close();
      }
    },
    shutdown: () => {
      for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
    },
  };
}

interface Parts {
  log: Logger;
  workflowBundle: string;
  connection: NativeConnection;
  namespace: string;
}

function createWorker(config: Config, clients: Clients, parts: Parts): Promise<Worker> {
  const { log, workflowBundle, connection, namespace } = parts;
  const activities =
    clients.role === 'origin'
      ? createOriginActivities(clients.deps)
      : createDestinationActivities(clients.deps);
  return Worker.create({
    connection,
    namespace,
    taskQueue: taskQueue(config.role, config.name),
    workflowBundle: { codePath: workflowBundle },
    activities,
    interceptors: { activity: [() => ({ inbound: new ActivityInterceptor(log) })] },
    maxHeartbeatThrottleInterval: HEARTBEAT_THROTTLE_MS,
    // Activities are told at once; they save and end within their own time.
    shutdownGraceTime: 0,
    shutdownForceTime: SHUTDOWN_MS,
  });
}
