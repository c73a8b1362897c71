import { Client } from '@temporalio/client';
import { Worker, type NativeConnection } from '@temporalio/worker';
import { createDestinationActivities, createOriginActivities } from '../activities';
import { checkAccess, createClients, keepTokens, type Clients } from '../activities/clients';
import { ChangeLog } from '../activities/shared/change-log';
import { ActivityInterceptor, StepLog } from '../activities/shared/interceptor';
import { pollersOf, stillPolling, WORKFLOWS } from '../activities/shared/pollers';
import type { Config } from '../config/schema';
import { sharedQueue } from '../contract/cycle';
import { taskQueue } from '../contract/ids';
import type { UserError } from '../errors';
import { Feed } from '../feed/feed';
import {
  MAX_HEARTBEAT_THROTTLE_MS,
  POLLER_GONE_MS,
  SHARED_ACTIVITIES_PER_WORKER,
  SHUTDOWN_MS,
} from '../limits';
import type { Logger } from '../log';
import { explained } from '../temporal/connect';
import { assertOwnSync } from '../temporal/ownership';
import { ScheduleKeeper } from '../temporal/schedule-keeper';
import type { TemporalTarget } from '../temporal/target';
import type { VaultTimes } from '../vault/client';

/** Where a worker takes its work from. */
export interface Temporal {
  readonly connection: NativeConnection;
  readonly target: TemporalTarget;
  /** Of this process. The feed's records name it too: `vsync status` asks Temporal whether it still polls. */
  readonly identity: string;
}

interface SyncOptions {
  log: Logger;
  vaultTimes?: VaultTimes | undefined;
}

interface RunOptions {
  /** Time between two checks of the schedule and the watch; `Infinity`: no checks. */
  checkEveryMs: number;
  /** The schedule belongs to another sync now. */
  onOtherSync: (error: UserError) => void;
}

/**
 * The work of one configuration in this process: two workers, one for the sync's workflows and its own activities, and one
 * for the parts of a cycle that workers share. The second takes no more than it can work at, so that the rest is left to
 * other processes.
 */
export class SyncWorker {
  private readonly workers: Worker[] = [];
  private readonly feed: Feed | undefined;
  private readonly client: Client;

  private constructor(
    readonly clients: Clients,
    private readonly temporal: Temporal,
    private readonly log: Logger,
    /** In the order of what they close. */
    private readonly closers: (() => void | Promise<void>)[],
  ) {
    const { connection, target, identity } = temporal;
    this.client = new Client({ connection, namespace: target.namespace });
    this.feed = Feed.of(clients, this.client, identity, log);
    if (clients.role === 'origin' && this.feed !== undefined) clients.deps.feed = this.feed.view;
    if (clients.role === 'destination' && clients.deps.config.log.changes)
      clients.deps.changes = new ChangeLog(log, clients.deps.vault.client.address);
  }

  /**
   * Connects to the servers of a configuration, and checks what its role may do there. Takes no work yet.
   *
   * @throws UserError, or an error of Vault or Consul if a cycle could not do its work
   */
  static async prepare(
    config: Config,
    temporal: Temporal,
    { log, vaultTimes }: SyncOptions,
  ): Promise<SyncWorker> {
    const ownLog = log.child({ name: config.name });
    const clients = await createClients(config, vaultTimes);
    const closers: (() => void | Promise<void>)[] = [clients.close];
    const sync = new SyncWorker(clients, temporal, ownLog, closers);
    try {
      for (const advice of await checkAccess(clients)) ownLog.warn(advice);
      await explained(temporal.target, () => assertOwnSync(sync.client, clients));
      const tokens = keepTokens(clients, ownLog);
      closers.push(() => tokens.close());
      return sync;
    } catch (error) {
      await sync.close();
      throw error;
    }
  }

  /** From now on it has to run: a worker, once created, keeps its connection until it has run. */
  async create(codePath: string): Promise<void> {
    const { connection, target, identity } = this.temporal;
    const { role, name } = this.clients.deps.config;
    const queue = taskQueue(role, name);
    const { own, shared } = activitiesOf(this.clients);
    const steps = new StepLog(this.log);
    const common = {
      connection,
      namespace: target.namespace,
      identity,
      interceptors: { activity: [() => ({ inbound: new ActivityInterceptor(steps) })] },
      maxHeartbeatThrottleInterval: MAX_HEARTBEAT_THROTTLE_MS,
      // Activities are cancelled at once; they save and end in their own time.
      shutdownGraceTime: 0,
      shutdownForceTime: SHUTDOWN_MS,
    };
    this.workers.push(
      await Worker.create({ ...common, taskQueue: queue, activities: own, workflowBundle: { codePath } }),
      await Worker.create({
        ...common,
        taskQueue: sharedQueue(queue),
        activities: shared,
        maxConcurrentActivityTaskExecutions: SHARED_ACTIVITIES_PER_WORKER,
      }),
    );
    const others = await this.othersOn(queue);
    if (others.length > 0)
      this.log.info(
        `other workers poll this queue, or did in the last ${POLLER_GONE_MS / 1000} s: ${others.join(', ')}; workers of ` +
          'one sync share its work',
      );
    this.log.info({ taskQueue: queue }, 'worker ready');
  }

  /** Other workers of this sync; none if Temporal does not report them. */
  private async othersOn(queue: string): Promise<string[]> {
    const pollers = await pollersOf(this.client, queue, WORKFLOWS).catch(() => []);
    const identities = stillPolling(pollers, Date.now()).map(({ identity }) => identity);
    return identities.filter((identity) => identity !== this.temporal.identity);
  }

  /** Runs until the process gets a signal to end, or `shutdown` is called. Rejects if a worker or the feed failed. */
  async run({ checkEveryMs, onOtherSync }: RunOptions): Promise<void> {
    // If one fails, both end: a sync that does half of its work would go unnoticed.
    const running = this.workers.map((worker) => worker.run().finally(this.shutdown));
    // Only when they run: before that, a worker cannot be shut down.
    if (checkEveryMs !== Infinity) {
      const { clients, client, log, temporal } = this;
      const keeper = new ScheduleKeeper({
        ...{ clients, client, log, onOtherSync },
        target: temporal.target,
        everyMs: checkEveryMs,
      });
      this.closers.push(() => keeper.close());
    }
    const ended = await Promise.allSettled([...running, this.beginFeed()]);
    for (const end of ended) if (end.status === 'rejected') throw end.reason;
  }

  /** After the workers, because what a feed brings needs one that runs; so it is also the first to close. */
  private async beginFeed(): Promise<void> {
    const { feed } = this;
    if (feed === undefined) return;
    this.closers.push(() => feed.close());
    try {
      await feed.start();
    } catch (error) {
      this.shutdown();
      throw error;
    }
  }

  readonly shutdown = (): void => {
    for (const worker of this.workers) if (worker.getState() === 'RUNNING') worker.shutdown();
  };

  async close(): Promise<void> {
    for (const closer of this.closers.reverse()) await closer();
  }
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
