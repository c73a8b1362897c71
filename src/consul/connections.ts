import http from 'node:http';
import https from 'node:https';
import { orAborted } from '../concurrency/abort';
import { WorkPool } from '../concurrency/work-pool';
import type { TlsOptions } from '../tls';
import { ServerLimits } from './server-limits';
import {
  CONSUL_IDLE_MS,
  CONSUL_LIMIT_STEP_MS,
  MAX_CONSUL_CONNECTIONS,
  MAX_CONSUL_POLLS,
  POLL_TURN_MS,
  POLLS_CROWDED_MS,
} from '../limits';

/** By the agent's scheme, host and port. One for the process: several syncs use the same Consul. */
const known = new Map<string, ConsulConnections>();

/** The part of one store in the connections to its agent. */
export interface Joined {
  connections: ConsulConnections;
  /** Scheme, host, port and path: several Consuls may be behind one gateway, told apart by path. */
  place: string;
  serverLimits: ServerLimits;
  /** One for each set of certificates. */
  agent: http.Agent;
  /** Leaves the connections. With the last store the idle ones are closed. */
  leave: () => void;
}

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
  private readonly requests = new WorkPool(() => this.limit.value);
  private readonly agents = new Map<string, http.Agent>();
  /** By place. */
  private readonly limits = new Map<string, ServerLimits>();
  private members = 0;

  constructor(private readonly isHttps: boolean) {}

  join(tls: TlsOptions): http.Agent {
    this.members += 1;
    const key = JSON.stringify(tls);
    const agent = this.agents.get(key) ?? this.createAgent(tls);
    this.agents.set(key, agent);
    return agent;
  }

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

  /** See {@link WorkPool.run}. The request calls {@link answered} or {@link refused} before it ends. */
  run<T>(request: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    return this.requests.run(request, signal);
  }

  /** Whatever the answer was. */
  answered(): void {
    this.limit.answered(Date.now());
  }

  /** The agent has refused a connection: fewer are used from now on. */
  refused(): void {
    this.limit.refused(this.requests.inProgress, Date.now());
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

/** Requests in flight: half as many after refused connections, and one more after each second without a refusal. */
export class ConnectionLimit {
  private limit: number;
  private changedMs = -Infinity;

  constructor(private readonly most = MAX_CONSUL_CONNECTIONS) {
    this.limit = most;
  }

  /** A whole number from 1. */
  get value(): number {
    return this.limit;
  }

  /** @param inFlight requests without an answer yet, with the refused one */
  refused(inFlight: number, nowMs: number): void {
    if (this.limit < this.most && nowMs - this.changedMs < CONSUL_LIMIT_STEP_MS) return;
    this.limit = Math.max(1, Math.floor(Math.min(this.limit, inFlight) / 2));
    this.changedMs = nowMs;
  }

  answered(nowMs: number): void {
    if (this.limit >= this.most || nowMs - this.changedMs < CONSUL_LIMIT_STEP_MS) return;
    this.limit += 1;
    this.changedMs = nowMs;
  }
}

/** Sends one blocking query: `waitMs` is how long Consul waits for a change. */
export type Poll<T> = (waitMs: number, signal: AbortSignal) => Promise<T>;

interface Shared {
  answer: Promise<unknown>;
  /** Callers that wait for its answer. */
  callers: number;
  stop: AbortController;
}

/**
 * The blocking queries of a process to one Consul agent. Callers that wait for the same key share one query. At most
 * {@link MAX_CONSUL_POLLS} are in flight; more take turns, and notice a change some seconds later.
 */
export class LongPolls {
  private readonly shared = new Map<string, Shared>();
  /** Queries in flight with their whole wait. An abort ends one, because another query needs its place. */
  private readonly long = new Set<AbortController>();
  private crowdedUntilMs = -Infinity;
  private readonly places = new WorkPool(
    () => MAX_CONSUL_POLLS,
    () => {
      this.crowdedUntilMs = Date.now() + POLLS_CROWDED_MS;
      for (const turn of this.long) turn.abort();
      this.long.clear();
    },
  );

  /** @param id calls with the same id wait for the same key, from the same index on */
  async wait<T>(id: string, waitMs: number, poll: Poll<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    const shared = this.shared.get(id) ?? this.begin(id, waitMs, poll);
    shared.callers += 1;
    try {
      return (await orAborted(shared.answer, signal)) as T;
    } finally {
      shared.callers -= 1;
      if (shared.callers === 0) {
        if (this.shared.get(id) === shared) this.shared.delete(id);
        shared.stop.abort();
      }
    }
  }

  private begin<T>(id: string, waitMs: number, poll: Poll<T>): Shared {
    const stop = new AbortController();
    const answer = this.repeat(waitMs, poll, stop.signal).finally(() => {
      if (this.shared.get(id)?.stop === stop) this.shared.delete(id);
    });
    // Its callers may have left by then.
    answer.catch(() => undefined);
    const shared = { answer, callers: 0, stop };
    this.shared.set(id, shared);
    return shared;
  }

  /** Sends a query, and begins it again when it had to give its place away. */
  private async repeat<T>(waitMs: number, poll: Poll<T>, signal: AbortSignal): Promise<T> {
    for (;;) {
      const turn = new AbortController();
      const either = AbortSignal.any([signal, turn.signal]);
      const send = (): Promise<T> => {
        const isLong = Date.now() >= this.crowdedUntilMs;
        if (isLong) this.long.add(turn);
        const query = poll(isLong ? waitMs : Math.min(waitMs, POLL_TURN_MS), either);
        return query.finally(() => this.long.delete(turn));
      };
      try {
        return await this.places.run(send, signal);
      } catch (error) {
        if (signal.aborted || !turn.signal.aborted) throw error;
      }
    }
  }
}

/**
 * The URL for the consul package. It gives the host of an IPv6 address to the resolver with its brackets, which fails.
 * So the host has none here; Node adds them to the Host header again.
 */
export function baseUrlOf(address: string): URL {
  const url = new URL(`${address}/v1`);
  const hostname = url.hostname.replace(/^\[(.*)\]$/, '$1');
  return hostname === url.hostname ? url : Object.defineProperty(url, 'hostname', { value: hostname });
}
