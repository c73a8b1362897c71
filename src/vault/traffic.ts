import { orAborted } from '../concurrency/abort';
import { MAX_HEALTH_PAUSE_MS } from '../limits';
import { askHealth, CircuitBreaker, type Outage } from './circuit-breaker';
import { cancelledRequest, VaultError } from './errors';
import { BlockedError, Lane, RequestQueue, type Entry, type Passage } from './request-queue';
import type { TransportResponse } from './transport';

/*
 * What all requests of this process to one Vault share: the request queue, and the circuit breaker. VaultClient enters
 * here before it sends an attempt of a request, and reports its result. Requests wait for the queue first and for a
 * health check second, so that none is sent to a Vault that was found down while it waited.
 */

/** Sends a GET without a token through one client: the health check. */
export type Ask = (path: string, signal: AbortSignal) => Promise<TransportResponse>;

type OutageListener = (address: string, outage: Outage) => void;

const listeners = new Set<OutageListener>();

/** Called when a Vault is found down, and when it is back: its outage then has an end. @returns removes the listener */
export function onOutage(listener: OutageListener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** By the Vault's URL. One for the process: several clients may use the same Vault. */
const traffics = new Map<string, VaultTraffic>();

/** The part of one client in the traffic of its Vault. */
export interface Joined {
  traffic: VaultTraffic;
  lane: Lane;
  /** Leaves the traffic. With the last client its timer and its health check end. */
  leave: () => void;
}

/** @param cap most requests of this client in flight */
export function joinTraffic(address: string, ask: Ask, cap?: number): Joined {
  const { origin, pathname } = new URL(address);
  // Several Vaults may be behind one gateway, told apart by path.
  const key = origin + pathname.replace(/\/+$/, '');
  const traffic = traffics.get(key) ?? new VaultTraffic(address);
  traffics.set(key, traffic);
  const leave = traffic.join(ask);
  return {
    traffic,
    lane: new Lane(cap),
    leave: () => {
      if (leave() === 0 && traffics.get(key) === traffic) traffics.delete(key);
    },
  };
}

/** See the top of this file. */
export class VaultTraffic {
  readonly breaker = new CircuitBreaker();
  readonly queue = new RequestQueue();
  private readonly members = new Map<Ask, AbortController>();
  private checking: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(readonly address: string) {}

  /** @returns leaves again, and returns how many members are left */
  join(ask: Ask): () => number {
    const left = new AbortController();
    this.members.set(ask, left);
    return () => {
      this.members.delete(ask);
      left.abort();
      if (this.members.size === 0) clearTimeout(this.timer);
      return this.members.size;
    };
  }

  /**
   * Waits until a request may be sent, if it has to. The caller then calls {@link left}.
   *
   * @throws VaultError `cancelled`, or with the reason of an outage
   */
  enter(path: string, entry: Entry = {}): Promise<void> | undefined {
    const place = this.queue.enter(entry, () => mountOf(path));
    if (place === undefined) return this.isInDoubt ? this.assertUp(path, entry) : undefined;
    // Not an async function: most requests of a scan wait for their place, and each promise costs.
    return place.then(
      () => (this.isInDoubt ? this.assertUp(path, entry) : undefined),
      (error: unknown) => {
        if (!(error instanceof BlockedError)) throw cancelledRequest(this.address, path);
        const detail =
          'too many requests (429): a rate limit quota of this Vault has refused everything for some time; raise it, or ' +
          'set requestsPerSecond below it';
        throw this.refusal('throttled', path, detail);
      },
    );
  }

  private get isInDoubt(): boolean {
    return this.checking !== undefined || this.breaker.outage !== undefined;
  }

  /** Waits for the result of a health check. Gives the place back if the Vault is down. */
  private async assertUp(path: string, { signal, lane }: Entry): Promise<void> {
    try {
      if (this.checking !== undefined) await orAborted(this.checking, signal);
    } catch {
      this.queue.leave({ kind: 'silent' }, lane);
      throw cancelledRequest(this.address, path);
    }
    const { outage } = this.breaker;
    if (outage === undefined) return;
    this.queue.leave({ kind: 'silent' }, lane);
    const detail =
      `${outage.detail}; since ${iso(outage.sinceMs)}. Requests are paused; its health is checked at least every ` +
      `${MAX_HEALTH_PAUSE_MS / 1000} s`;
    throw this.refusal(outage.kind, path, detail);
  }

  /** @param latencyMs from its place in the queue; includes the wait for a limit of requests per second */
  left(failure: VaultError | undefined, latencyMs: number, lane?: Lane, gaveWay = false): void {
    const leave = (passage: Passage): number => this.queue.leave(passage, lane, gaveWay);
    switch (failure?.kind) {
      case 'throttled':
        // If others gave up with it, the quota is not one of this path.
        failure.isOutage = leave({ kind: 'throttled', retryAfterMs: failure.retryAfterMs }) > 0;
        return;
      case 'sealed':
      case 'unavailable':
        // Any other 5xx, or no answer, may be a problem of this path alone; the circuit breaker decides.
        if (failure.status === 503) this.queue.overloaded();
        leave({ kind: failure.status === undefined ? 'silent' : 'passed' });
        if (this.breaker.failed(Date.now())) void this.checkHealth();
        return;
      case 'malformed':
        // Not Vault's own answer, but not one of a quota either.
        leave({ kind: 'passed' });
        return;
      case 'cancelled':
        leave({ kind: 'silent' });
        return;
      case undefined:
      case 'absent':
      case 'no-mount':
      case 'forbidden':
      case 'conflict':
      case 'too-large':
      case 'rejected':
        // The latency of a slow listing is not a sample.
        leave(gaveWay ? { kind: 'passed' } : { kind: 'answered', latencyMs });
        this.breaker.answered();
    }
  }

  /** Marks the last failure of a request as an outage if the whole Vault is down. Checks the health if that is in doubt. */
  async judge(failure: VaultError, signal?: AbortSignal): Promise<VaultError> {
    if (failure.kind !== 'sealed' && failure.kind !== 'unavailable') return failure;
    try {
      if (this.breaker.outage === undefined && this.breaker.isDoubtful)
        await orAborted(this.checkHealth(), signal);
    } catch {
      return cancelledRequest(failure.address, failure.path);
    }
    failure.isOutage ||= this.breaker.outage !== undefined;
    return failure;
  }

  /** Checks the Vault's health, once for all requests that come meanwhile. Does not throw. */
  private checkHealth(): Promise<void> {
    this.checking ??= this.askMembers().finally(() => {
      this.checking = undefined;
    });
    return this.checking;
  }

  private async askMembers(): Promise<void> {
    for (const [ask, { signal }] of this.members) {
      try {
        const health = await askHealth((path) => ask(path, signal));
        const news = this.breaker.judged(health, Date.now());
        const outage = this.breaker.outagesSince(0).at(-1);
        if (news !== undefined && outage !== undefined)
          for (const listener of listeners) listener(this.address, outage);
        this.checkLater();
        return;
      } catch (error) {
        // That client was closed: the next one asks.
        if (!signal.aborted) throw error;
      }
    }
  }

  private checkLater(): void {
    clearTimeout(this.timer);
    if (this.breaker.outage === undefined || this.members.size === 0) return;
    this.timer = setTimeout(() => void this.checkHealth(), this.breaker.nextPauseMs(Math.random()));
    // It must not keep a process alive.
    this.timer.unref();
  }

  private refusal(kind: VaultError['kind'], path: string, detail: string): VaultError {
    const error = new VaultError(kind, this.address, path, detail);
    error.isOutage = true;
    return error;
  }
}

/** The mount of a request: mounts take turns in the request queue. */
function mountOf(path: string): string {
  return /^(.*?)\/(?:data|metadata|delete)(?:\/|$)/.exec(path)?.[1] ?? '';
}

export function describeOutage(address: string, { detail, sinceMs, untilMs }: Outage): string {
  const end = untilMs === undefined ? '' : `, until ${iso(untilMs)}`;
  return `Vault ${address}: ${detail}; since ${iso(sinceMs)}${end}`;
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
