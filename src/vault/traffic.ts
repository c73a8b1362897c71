import { Breaker, type Outage } from './circuit-breaker';
import { cancelledRequest, VaultError } from './errors';
import { askHealth } from './health';
import type { TransportResponse } from './transport';
import { BlockedError, Turns, type Entry, type Passage } from './request-queue';
import { orAborted } from '../concurrency/abort';
import { MAX_HEALTH_PAUSE_MS } from '../limits';

/** How to ask a Vault without a token: the health question of one client. */
export type Ask = (path: string, signal: AbortSignal) => Promise<TransportResponse>;

/** Told when a Vault is found down, and when it is back (its outage then has an end). */
export type OutageListener = (address: string, outage: Outage) => void;

const listeners = new Set<OutageListener>();

/** @returns ends the telling */
export function onOutage(listener: OutageListener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** By the Vault's URL. One for the process: several clients may ask the same Vault. */
const guards = new Map<string, VaultGuard>();

/** One client's part in the guard of its Vault. */
export interface Guarded {
  guard: VaultGuard;
  /** Leaves it. With the last one, its timer and the question that is under way end. */
  leave: () => void;
}

/** Joins the guard of a Vault, which all clients of this process share. */
export function guardOf(address: string, ask: Ask): Guarded {
  const { origin, pathname } = new URL(address);
  // Behind one gateway, the path tells which Vault it is.
  const key = origin + pathname.replace(/\/+$/, '');
  const guard = guards.get(key) ?? new VaultGuard(address);
  guards.set(key, guard);
  const leave = guard.join(ask);
  return {
    guard,
    leave: () => {
      if (leave() === 0 && guards.get(key) === guard) guards.delete(key);
    },
  };
}

/**
 * What all requests to one Vault have in common: while it is down they are not sent, and only the question for its
 * health is; after a 429 they pause together.
 */
export class VaultGuard {
  private readonly breaker = new Breaker();
  private readonly turns = new Turns();
  private readonly members = new Map<Ask, AbortController>();
  private asking: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(readonly address: string) {}

  /** @returns leaves again, and says how many are left */
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
   * Waits until a request may be sent. Whoever sent it calls {@link left}.
   *
   * @returns undefined if there is nothing to wait for
   * @throws VaultError `cancelled`, or with the reason of an outage
   */
  enter(path: string, entry: Entry = {}): Promise<void> | undefined {
    const turn = this.turns.enter(entry, () => groupOf(path));
    if (turn === undefined && this.asking === undefined && this.breaker.outage === undefined)
      return undefined;
    return this.entering(path, entry, turn);
  }

  private async entering(path: string, { signal }: Entry, turn: Promise<void> | undefined): Promise<void> {
    try {
      await turn;
    } catch (error) {
      if (!(error instanceof BlockedError)) throw cancelledRequest(this.address, path);
      const detail =
        'too many requests (429): a rate limit quota of this Vault has let nothing pass for long';
      throw this.refusal('throttled', path, detail);
    }
    try {
      if (this.asking !== undefined) await orAborted(this.asking, signal);
    } catch {
      this.turns.leave({ kind: 'silent' });
      throw cancelledRequest(this.address, path);
    }
    const { outage } = this.breaker;
    if (outage === undefined) return;
    this.turns.leave({ kind: 'silent' });
    const detail =
      `${outage.detail}; since ${iso(outage.sinceMs)}. Nothing is sent to it until it says that it is well; it is ` +
      `asked at least every ${MAX_HEALTH_PAUSE_MS / 1000} s`;
    throw this.refusal(outage.kind, path, detail);
  }

  /**
   * A request that had entered is over.
   *
   * @param failure undefined if it was answered well
   * @param latencyMs from its turn; a limit of requests per second is waited for in it
   * @param gaveWay to others, before it was over
   */
  left(failure: VaultError | undefined, latencyMs: number, gaveWay = false): void {
    const leave = (passage: Passage): number => this.turns.leave(passage, gaveWay);
    switch (failure?.kind) {
      case 'throttled':
        // If others gave up with it, it is not about this path.
        failure.isOutage = leave({ kind: 'throttled', retryAfterMs: failure.retryAfterMs }) > 0;
        return;
      case 'sealed':
      case 'unavailable':
        // Any other 5xx, or no answer, may be about this path alone; the breaker sees whether it is not.
        if (failure.status === 503) this.turns.tooMuch();
        leave({ kind: failure.status === undefined ? 'silent' : 'passed' });
        if (this.breaker.failed(Date.now())) void this.ask();
        return;
      case 'malformed':
        // Not Vault's own answer, but no quota's either.
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
        // How long one that gave way took says nothing about the others.
        leave(gaveWay ? { kind: 'passed' } : { kind: 'answered', latencyMs });
        this.breaker.answered();
    }
  }

  /** See {@link Turns.giveWay}. */
  giveWay(most?: number): boolean {
    return this.turns.giveWay(most);
  }

  /** How many requests this Vault takes at the same time now. */
  get requestsAtOnce(): number {
    return this.turns.atOnce;
  }

  /** There would be more requests to send at the same time. */
  reportDemand(): void {
    this.turns.reportDemand();
  }

  /** A quota of this Vault lets nothing pass, so that a 429 need not be repeated now. */
  get isBlocked(): boolean {
    return this.turns.isBlocked;
  }

  /**
   * Finds out whether a failure that is given up is that of the path, or of the whole Vault: unless something was
   * answered since, the Vault itself is asked.
   *
   * @returns the failure, marked if it is an outage
   */
  async judge(failure: VaultError, signal?: AbortSignal): Promise<VaultError> {
    if (failure.kind !== 'sealed' && failure.kind !== 'unavailable') return failure;
    try {
      if (this.breaker.outage === undefined && this.breaker.isDoubtful) await orAborted(this.ask(), signal);
    } catch {
      return cancelledRequest(failure.address, failure.path);
    }
    failure.isOutage ||= this.breaker.outage !== undefined;
    return failure;
  }

  /** See {@link Breaker.outagesSince}. */
  outagesSince(sinceMs: number): Outage[] {
    return this.breaker.outagesSince(sinceMs);
  }

  /** Asks the Vault for its health; whoever comes in the meantime waits for the same answer. Does not throw. */
  private ask(): Promise<void> {
    this.asking ??= this.askMembers().finally(() => {
      this.asking = undefined;
    });
    return this.asking;
  }

  private async askMembers(): Promise<void> {
    for (const [ask, { signal }] of this.members) {
      try {
        const health = await askHealth((path) => ask(path, signal));
        const news = this.breaker.judged(health, Date.now());
        const outage = this.breaker.outagesSince(0).at(-1);
        if (news !== undefined && outage !== undefined)
          for (const tell of listeners) tell(this.address, outage);
        this.askLater();
        return;
      } catch (error) {
        // That client was closed: the next one asks.
        if (!signal.aborted) throw error;
      }
    }
  }

  private askLater(): void {
    clearTimeout(this.timer);
    if (this.breaker.outage === undefined || this.members.size === 0) return;
    this.timer = setTimeout(() => void this.ask(), this.breaker.nextWaitMs(Math.random()));
    // Nobody waits for it: it must not keep a process alive.
    this.timer.unref();
  }

  private refusal(kind: VaultError['kind'], path: string, detail: string): VaultError {
    const error = new VaultError(kind, this.address, path, detail);
    error.isOutage = true;
    return error;
  }
}

/** The mount that a request is about: each has its turn, so that a huge one does not keep the others waiting. */
function groupOf(path: string): string {
  return /^(.*?)\/(?:data|metadata|delete)(?:\/|$)/.exec(path)?.[1] ?? '';
}

/** What an operator is told about an outage of a Vault: "the Vault is sealed (503): unseal it; since …, until …". */
export function describeOutage(address: string, { detail, sinceMs, untilMs }: Outage): string {
  const end = untilMs === undefined ? '' : `, until ${iso(untilMs)}`;
  return `Vault ${address}: ${detail}; since ${iso(sinceMs)}${end}`;
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
