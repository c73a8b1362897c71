import http from 'node:http';
import https from 'node:https';
import { onAbort } from '../concurrency/abort';
import type { TlsOptions } from '../tls';
import { ConnectionLimit } from './connection-limit';
import { LongPolls } from './long-polls';
import { ServerLimits } from './server-limits';
import { CONSUL_IDLE_MS, MAX_CONSUL_CONNECTIONS } from '../limits';

/** By the agent's scheme, host and port. One for the process: several syncs ask the same Consul. */
const known = new Map<string, ConsulConnections>();

/** One store's part in the connections to its agent. */
export interface Joined {
  connections: ConsulConnections;
  /** Scheme, host, port and path: behind one gateway, the path tells which Consul it is. */
  place: string;
  /** What the answers of this Consul have shown of its limits. */
  serverLimits: ServerLimits;
  agent: http.Agent;
  /** Leaves them. With the last one, the idle connections are closed. */
  leave: () => void;
}

/** Joins the connections of this process to one Consul agent. */
export function connectionsTo(address: string, tls: TlsOptions): Joined {
  const { origin, pathname } = new URL(address);
  const place = origin + pathname.replace(/\/+$/, '');
  const connections = known.get(origin) ?? new ConsulConnections(origin.startsWith('https:'));
  known.set(origin, connections);
  const agent = connections.join(tls);
  let hasLeft = false;
  return {
    connections,
    place,
    serverLimits: connections.limitsOf(place),
    agent,
    leave: () => {
      if (hasLeft) return;
      hasLeft = true;
      if (connections.leave() === 0 && known.get(origin) === connections) known.delete(origin);
    },
  };
}

/**
 * All connections of this process to one Consul agent: at most {@link MAX_CONSUL_CONNECTIONS} for requests, fewer while the
 * agent refuses some, and a few more for blocking queries. The caller waits in here and not in Node's agent, where the
 * time in the queue would count as time without an answer.
 */
export class ConsulConnections {
  readonly polls = new LongPolls();
  private readonly limit = new ConnectionLimit();
  private readonly agents = new Map<string, http.Agent>();
  /** By the full address: several Consuls may be behind one gateway. */
  private readonly limits = new Map<string, ServerLimits>();
  /** In the order in which they came. */
  private readonly waiting = new Set<() => void>();
  private inFlight = 0;
  private members = 0;

  constructor(private readonly isHttps: boolean) {}

  /** @returns the agent to send with: one for each set of certificates */
  join(tls: TlsOptions): http.Agent {
    this.members += 1;
    const key = JSON.stringify(tls);
    const agent = this.agents.get(key) ?? this.createAgent(tls);
    this.agents.set(key, agent);
    return agent;
  }

  /** @param place the full address of one Consul */
  limitsOf(place: string): ServerLimits {
    const limits = this.limits.get(place) ?? new ServerLimits();
    this.limits.set(place, limits);
    return limits;
  }

  /** @returns how many members are left */
  leave(): number {
    this.members -= 1;
    if (this.members === 0) for (const agent of this.agents.values()) agent.destroy();
    return this.members;
  }

  /**
   * Waits until a request may be sent. The caller calls {@link left} when it is over.
   *
   * @returns undefined if there is nothing to wait for
   * @throws the signal's reason
   */
  enter(signal?: AbortSignal): Promise<void> | undefined {
    if (this.waiting.size === 0 && this.inFlight < this.limit.value) {
      this.inFlight += 1;
      return undefined;
    }
    return new Promise((resolve, reject) => {
      const go = (): void => {
        forget?.();
        resolve();
      };
      this.waiting.add(go);
      const forget =
        signal &&
        onAbort(signal, (reason) => {
          this.waiting.delete(go);
          reject(reason);
        });
    });
  }

  /** A request that had entered is over. @param isAnswered by Consul, whatever the answer was */
  left(isAnswered: boolean): void {
    this.inFlight -= 1;
    if (isAnswered) this.limit.answered(Date.now());
    for (const go of this.waiting) {
      if (this.inFlight >= this.limit.value) return;
      this.waiting.delete(go);
      this.inFlight += 1;
      go();
    }
  }

  /** The agent has refused a connection: fewer are used from now on. To be called before {@link left}. */
  refused(): void {
    this.limit.refused(this.inFlight, Date.now());
  }

  private createAgent(tls: TlsOptions): http.Agent {
    // The last one that was used is used again, so that those which are not needed grow old.
    const options = {
      keepAlive: true,
      scheduling: 'lifo' as const,
      timeout: CONSUL_IDLE_MS,
      maxFreeSockets: MAX_CONSUL_CONNECTIONS,
    };
    return this.isHttps ? new https.Agent({ ...options, ...tls }) : new http.Agent(options);
  }
}
