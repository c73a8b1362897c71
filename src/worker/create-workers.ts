import { existsSync } from 'node:fs';
import type { Config } from '../config/schema';
import { ConsulError } from '../consul/errors';
import { UsageError, UserError, type ExplainedError } from '../errors';
import { SCHEDULE_CHECK_EVERY_MS } from '../limits';
import { temporalTarget } from '../temporal/target';
import type { VaultTimes } from '../vault/client';
import { isAway, untilBack } from './away';
import { WORKFLOW_BUNDLE } from './bundle-workflows';
import { WorkerConnections } from './connect-worker';
import { WorkerMetrics } from './metrics';
import { serveMetrics } from './metrics-server';
import { askNamespace } from './temporal-outages';
import { logOutages, type RuntimeOptions } from './runtime';
import { SyncWorker } from './sync-worker';

/** Those of the SDK. */
const SHUTDOWN_SIGNALS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGQUIT', 'SIGUSR2'];

export interface WorkerOptions extends RuntimeOptions {
  /** File with the bundled workflows; the build's by default. */
  workflowBundle?: string;
  vaultTimes?: VaultTimes;
  /** Time between two checks of the schedule and the watch; `Infinity`: no checks. */
  checkEveryMs?: number;
  /** Time between two tries to begin the work of a sync whose Vault or Consul is away, in milliseconds. */
  awayRetryMs?: number;
}

/** The running workers of a process. */
export type VsyncWorker = Pick<Workers, 'run' | 'shutdown'>;

/**
 * Creates the workers of any number of configurations; those on the same Temporal share a connection. A sync whose Vault
 * or Consul is away begins when it is back; the others do not wait for it.
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
  const workers = new Workers(configs, workflowBundle, options);
  try {
    await workers.begin();
    return workers;
  } catch (error) {
    await workers.close();
    throw error;
  }
}

class Workers {
  private readonly connections: WorkerConnections;
  /** Undefined if no configuration has `metrics.listen`. */
  private readonly metrics: WorkerMetrics | undefined;
  private readonly endOutageLog: () => void;
  private readonly syncs: SyncWorker[] = [];
  private readonly late: { config: Config; failure: ExplainedError }[] = [];
  private readonly ending = new AbortController();
  /** Why this process has to end, although its workers could work. */
  private refused: Error | undefined;

  constructor(
    private readonly configs: readonly Config[],
    private readonly workflowBundle: string,
    private readonly options: WorkerOptions,
  ) {
    this.connections = new WorkerConnections(options.log);
    this.endOutageLog = logOutages(options.log);
    this.metrics = this.metricsAt.size === 0 ? undefined : new WorkerMetrics();
  }

  async begin(): Promise<void> {
    for (const config of this.configs) {
      try {
        await this.prepare(config);
      } catch (failure) {
        if (!isAway(failure)) throw failure;
        this.late.push({ config, failure });
        const isConsul = failure instanceof ConsulError;
        this.metrics?.health.waits({
          ...{
            sync: config.name,
            role: config.role,
            since: new Date().toISOString(),
            reason: failure.message,
          },
          dependency: isConsul ? 'consul' : `${failure.side ?? config.role} vault`,
        });
      }
    }
    // Only when none is refused: a worker, once created, keeps its connection until it has run.
    for (const sync of this.syncs) await sync.create(this.workflowBundle);
  }

  private async prepare(config: Config): Promise<SyncWorker> {
    const temporal = await this.connections.connect(config.temporal);
    const sync = await SyncWorker.prepare(config, temporal, this.options);
    this.syncs.push(sync);
    this.metrics?.add(sync.clients);
    this.metrics?.health.add({
      clients: sync.clients,
      askTemporal: () => askNamespace(temporal.connection, temporal.target),
    });
    return sync;
  }

  /** Runs until the process gets SIGINT or SIGTERM, or `shutdown` is called. Rejects if a worker failed. */
  async run(): Promise<void> {
    const running = [
      ...this.syncs.map((sync) => this.runSync(sync)),
      ...this.late.map(({ config, failure }) => this.runLate(config, failure)),
    ];
    // If one fails, all end: a process that does half of its work would go unnoticed.
    const ended = Promise.allSettled(running.map((one) => one.finally(this.shutdown)));
    const endSignals = this.late.length > 0 ? this.listenToSignals() : () => undefined;
    const endMetrics = await this.serveMetrics();
    const ends = await ended;
    endSignals();
    await endMetrics();
    await this.close();
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
    if (this.refused !== undefined) throw this.refused;
  }

  private runSync(sync: SyncWorker): Promise<void> {
    const { checkEveryMs = SCHEDULE_CHECK_EVERY_MS } = this.options;
    return sync.run({ checkEveryMs, onOtherSync: this.refuse });
  }

  private async runLate(config: Config, failure: ExplainedError): Promise<void> {
    const { signal } = this.ending;
    const log = this.options.log.child({ name: config.name });
    const wait = { log, signal, retryMs: this.options.awayRetryMs };
    const sync = await untilBack(failure, () => this.prepare(config), wait);
    if (sync === undefined || this.isEnding()) return;
    await sync.create(this.workflowBundle);
    const running = this.runSync(sync);
    // They may have been told to end before this one ran.
    if (this.isEnding()) sync.shutdown();
    await running;
  }

  private get metricsAt(): ReadonlySet<string> {
    return new Set(this.configs.flatMap(({ metrics }) => metrics.listen ?? []));
  }

  private async serveMetrics(): Promise<() => Promise<void>> {
    try {
      if (this.metrics !== undefined)
        return await serveMetrics(this.metricsAt, this.metrics, this.options.log);
    } catch (error) {
      this.refuse(error instanceof Error ? error : new Error('the worker could not listen'));
    }
    return () => Promise.resolve();
  }

  private isEnding(): boolean {
    return this.ending.signal.aborted;
  }

  /** The SDK ends only workers that it has. */
  private listenToSignals(): () => void {
    const { shutdownSignals = SHUTDOWN_SIGNALS } = this.options;
    for (const signal of shutdownSignals) process.once(signal, this.shutdown);
    return () => {
      for (const signal of shutdownSignals) process.off(signal, this.shutdown);
    };
  }

  private readonly refuse = (error: Error): void => {
    this.refused ??= error;
    this.shutdown();
  };

  readonly shutdown = (): void => {
    this.ending.abort();
    for (const sync of this.syncs) sync.shutdown();
  };

  async close(): Promise<void> {
    for (const sync of this.syncs) await sync.close();
    await this.connections.close();
    this.endOutageLog();
    this.metrics?.close();
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
