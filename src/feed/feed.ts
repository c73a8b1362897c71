import type { Client } from '@temporalio/client';
import type { FeedView } from '../activities/origin/feed-view';
import type { Clients } from '../activities/clients';
import type { OriginConfig } from '../config/schema';
import type { Logger } from '../log';
import { feedScope } from '../rules/audit-line';
import { compileFilter } from '../rules/filter';
import { FeedRecords } from '../sync-info/feed-record';
import { pushMemo } from '../temporal/push-workflow';
import { readTls } from '../tls';
import { followEvents } from './event-stream';
import { listenHttp } from './http-listener';
import type { FeedListener } from './listener';
import { OriginSchedule } from './origin-schedule';
import { createPusher, sendUpdate, type Pusher } from './pusher';
import { Receiver } from './receiver';
import { listenSocket } from './socket-listener';
import { DiscoveredTargets } from './targets';

/** The feed of one origin in this process: listeners, receiver, and the pushes to its destinations. */
export class Feed {
  private readonly listeners: FeedListener[] = [];

  private constructor(
    private readonly receiver: Receiver,
    private readonly targets: DiscoveredTargets,
    private readonly pusher: Pusher,
    private readonly config: OriginConfig['origin'],
    private readonly log: Logger,
  ) {}

  /**
   * @param worker its identity in Temporal
   * @returns undefined without a feed in the configuration. Nothing is sent or heard before {@link start}
   */
  static of(clients: Clients, client: Client, worker: string, log: Logger): Feed | undefined {
    if (clients.role === 'destination') return undefined;
    const { config, vault, info } = clients.deps;
    const { origin, syncMetadata, name } = config;
    if (origin.feed === undefined) return undefined;
    const targets = new DiscoveredTargets(client, pushMemo(clients));
    const pusher = createPusher({ send: sendUpdate(client), targets, log });
    const receiver = new Receiver({
      scope: feedScope(origin.vault.namespace, origin.mounts, syncMetadata),
      filter: compileFilter(origin),
      vault,
      records: new FeedRecords(info),
      pusher,
      schedule: new OriginSchedule(client, name),
      tickMs: origin.tickMs,
      worker,
      log,
    });
    return new Feed(receiver, targets, pusher, origin, log);
  }

  /** What the cycles of this process see of it. */
  get view(): FeedView {
    return this.receiver;
  }

  /** @throws UserError if it cannot listen, except where another process has the address: then it waits for its end */
  async start(): Promise<void> {
    const { config, receiver, log } = this;
    const { socket, http, events } = config.feed ?? {};
    this.targets.start();
    if (socket !== undefined) {
      const sink = receiver.sinkOf('socket');
      this.listeners.push(await listenSocket({ listen: socket.listen, sink, log }));
    }
    if (http !== undefined) {
      const { listen, token, certFile, keyFile } = http;
      const tls = certFile === undefined ? {} : { tls: readTls({ certFile, keyFile }, 'origin.feed.http') };
      const sink = receiver.sinkOf('http');
      this.listeners.push(await listenHttp({ listen, token, ...tls, sink, tickMs: config.tickMs, log }));
    }
    for (const { address } of this.listeners) log.info(`feed: listening on ${address}`);
    if (events === true) {
      const { vault, mounts } = config;
      this.listeners.push(await followEvents({ vault, mounts, sink: receiver.sinkOf('events'), log }));
    }
    receiver.listening();
  }

  /** The listeners first: another process may take them over. */
  async close(): Promise<void> {
    await Promise.all(this.listeners.map((listener) => listener.close()));
    await this.receiver.close();
    await this.pusher.close();
    await this.targets.close();
  }
}
