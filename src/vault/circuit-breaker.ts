import {
  FAILURES_BEFORE_HEALTH_CHECK,
  FIRST_HEALTH_PAUSE_MS,
  MAX_HEALTH_PAUSE_MS,
  REMEMBERED_OUTAGES,
} from '../limits';
import type { VaultErrorKind } from './errors';

/** A Vault that cannot serve requests. Times are milliseconds since the epoch. */
export interface Outage {
  kind: VaultErrorKind;
  /** What is wrong with the Vault, and what to do, in words. */
  detail: string;
  sinceMs: number;
  /** Undefined while the outage lasts. */
  untilMs?: number;
}

/** The result of a health check. */
export type Health = { up: true } | { up: false; kind: VaultErrorKind; detail: string };

/**
 * Decides whether a Vault is down. Failed requests only lead to a health check; only its result is evidence, because a
 * few bad paths that always answer 500 are not an outage. Has no timer and sends nothing: see VaultTraffic.
 */
export class CircuitBreaker {
  private failures = 0;
  private firstFailureMs = 0;
  private checks = 0;
  private readonly outages: Outage[] = [];

  /** Undefined while the Vault is up. */
  get outage(): Outage | undefined {
    const last = this.outages.at(-1);
    return last?.untilMs === undefined ? last : undefined;
  }

  /** A request has failed since the last answer of the Vault, which may be down. */
  get isDoubtful(): boolean {
    return this.failures > 0;
  }

  /**
   * A request got no answer, or one that may mean an outage.
   *
   * @returns whether the Vault's health has to be checked now
   */
  failed(nowMs: number): boolean {
    if (this.failures === 0) this.firstFailureMs = nowMs;
    this.failures += 1;
    return this.outage === undefined && this.failures >= FAILURES_BEFORE_HEALTH_CHECK;
  }

  /** A request was answered, whatever the answer was. That does not end an outage: it may have been sent before. */
  answered(): void {
    this.failures = 0;
  }

  /** @returns what has changed: the Vault was found down, or is back */
  judged(health: Health, nowMs: number): 'down' | 'back' | undefined {
    const { outage } = this;
    if (health.up) {
      this.failures = 0;
      this.checks = 0;
      if (outage === undefined) return undefined;
      outage.untilMs = nowMs;
      return 'back';
    }
    const { kind, detail } = health;
    if (outage !== undefined) {
      // A Vault that was stopped is sealed after its start: the present reason is the useful one.
      Object.assign(outage, { kind, detail });
      return undefined;
    }
    this.outages.push({ kind, detail, sinceMs: this.isDoubtful ? this.firstFailureMs : nowMs });
    if (this.outages.length > REMEMBERED_OUTAGES) this.outages.shift();
    return 'down';
  }

  /**
   * The pause before the next health check of a Vault that is down.
   *
   * @param random 0 ≤ random < 1: many workers must not check at the same moment
   */
  nextPauseMs(random: number): number {
    const pauseMs = Math.min(FIRST_HEALTH_PAUSE_MS * 2 ** this.checks++, MAX_HEALTH_PAUSE_MS);
    return Math.max(FIRST_HEALTH_PAUSE_MS, pauseMs * (0.75 + random / 4));
  }

  /** Outages that lasted at that time, or began after it. */
  outagesSince(sinceMs: number): Outage[] {
    return this.outages.filter(({ untilMs }) => untilMs === undefined || untilMs >= sinceMs);
  }
}
