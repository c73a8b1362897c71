import http from 'node:http';
import https from 'node:https';
import { onAbort } from '../concurrency/abort';
import type { TlsOptions } from '../tls';
import { LongPolls } from './long-polls';
import { ServerLimits } from './server-limits';
import { CONSUL_IDLE_MS, CONSUL_LIMIT_STEP_MS, MAX_CONSUL_CONNECTIONS } from '../limits';

/** By the agent's scheme, host and port. One for the process: several syncs use the same Consul. */
const known = new Map<string, ConsulConnections>();

/** The part of one store in the connections to its agent. */
export interface Joined {
  connections: ConsulConnections;
  /** Scheme, host, port and path: several Consuls may be behind one gateway, told apart by path. */
  place: string;
  /** Limits of this Consul, as its answers have shown them. */
  serverLimits: ServerLimits;
  agent: http.Agent;
  /** Leaves the connections. With the last store the idle ones are closed. */
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
 * All connections of this process to one Consul agent: at most {@link MAX_CONSUL_CONNECTIONS} for requests, fewer while
 * the agent refuses some, and a few more for blocking queries. Requests wait here and not in Node's agent, where the
 * wait would count as time without an answer.
 */
export class ConsulConnections {
  readonly polls = new LongPolls();
  private readonly limit = new ConnectionLimit();
  private readonly agents = new Map<string, http.Agent>();
  /** By place. */
  private readonly limits = new Map<string, ServerLimits>();
  /** In the order in which they came. */
  private readonly waiting = new Set<() => void>();
  private inFlight = 0;
  private members = 0;

  constructor(private readonly isHttps: boolean) {}

  /** @returns the HTTP agent: one for each set of certificates */
  join(tls: TlsOptions): http.Agent {
    this.members += 1;
    const key = JSON.stringify(tls);
    const agent = this.agents.get(key) ?? this.createAgent(tls);
    this.agents.set(key, agent);
    return agent;
  }

  /** @param place see {@link Joined.place} */
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
   * Waits until a request may be sent. The caller then calls {@link left}.
   *
   * @returns undefined if it may be sent at once
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

  /** A request that had entered is over. @param isAnswered Consul answered, whatever the answer was */
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

  /** The agent has refused a connection: fewer are used from now on. Called before {@link left}. */
  refused(): void {
    this.limit.refused(this.inFlight, Date.now());
  }

  private createAgent(tls: TlsOptions): http.Agent {
    // The connection that was used last is used again, so that spare ones become idle.
    const options = {
      keepAlive: true,
      scheduling: 'lifo' as const,
      timeout: CONSUL_IDLE_MS,
      maxFreeSockets: MAX_CONSUL_CONNECTIONS,
    };
    return this.isHttps ? new https.Agent({ ...options, ...tls }) : new http.Agent(options);
  }
}

/**
 * How many requests may be in flight: half as many after refused connections, and one more after each second without a
 * refusal. Uses no clock.
 */
export class ConnectionLimit {
  private limit: number;
  private changedMs = -Infinity;

  constructor(private readonly most = MAX_CONSUL_CONNECTIONS) {
    this.limit = most;
  }

  /** Most requests in flight: a whole number from 1. */
  get value(): number {
    return this.limit;
  }

  /**
   * The agent has refused a connection.
   *
   * @param inFlight requests without an answer yet
   */
  refused(inFlight: number, nowMs: number): void {
    if (this.limit < this.most && nowMs - this.changedMs < CONSUL_LIMIT_STEP_MS) return;
    this.limit = Math.max(1, Math.floor(Math.min(this.limit, inFlight) / 2));
    this.changedMs = nowMs;
  }

  /** A request was answered. */
  answered(nowMs: number): void {
    if (this.limit >= this.most || nowMs - this.changedMs < CONSUL_LIMIT_STEP_MS) return;
    this.limit += 1;
    this.changedMs = nowMs;
  }
}

/**
 * The URL for the consul package. It gives the host of an IPv6 address to the resolver with its brackets, which fails.
 * So the host has none here; Node adds them to the Host header again.
 *
 * @param address URL of the agent, without "/" at its end
 */
export function baseUrlOf(address: string): URL {
  const url = new URL(`${address}/v1`);
  const hostname = url.hostname.replace(/^\[(.*)\]$/, '$1');
  return hostname === url.hostname ? url : Object.defineProperty(url, 'hostname', { value: hostname });
}
