import type { VaultErrorKind } from './errors';
import {
  FAILURES_BEFORE_HEALTH_CHECK,
  FIRST_HEALTH_PAUSE_MS,
  MAX_HEALTH_PAUSE_MS,
  REMEMBERED_OUTAGES,
} from '../limits';

/** A Vault that cannot serve requests. Times in milliseconds since the epoch. */
export interface Outage {
  kind: VaultErrorKind;
  /** What is wrong with it, and what to do, in words. */
  detail: string;
  sinceMs: number;
  /** Undefined as long as it lasts. */
  untilMs?: number;
}

/** What a Vault's own answer to the question for its health says. */
export type Health = { up: true } | { up: false; kind: VaultErrorKind; detail: string };

/**
 * Decides whether a Vault is down, from what its requests met and what it says of its health. Only the latter counts
 * as evidence: a few bad paths that always answer 500 are no outage. Knows no timer and sends nothing.
 */
export class Breaker {
  private failures = 0;
  private firstFailureMs = 0;
  private questions = 0;
  private readonly outages: Outage[] = [];

  /** Undefined while the Vault is up. */
  get outage(): Outage | undefined {
    const last = this.outages.at(-1);
    return last?.untilMs === undefined ? last : undefined;
  }

  /** Whether a request has failed since the Vault answered the last time: it may be down. */
  get isDoubtful(): boolean {
    return this.failures > 0;
  }

  /**
   * A request met no answer, or one that may mean an outage.
   *
   * @returns whether the Vault itself has to be asked now
   */
  failed(nowMs: number): boolean {
    if (this.failures === 0) this.firstFailureMs = nowMs;
    this.failures += 1;
    return this.outage === undefined && this.failures >= FAILURES_BEFORE_HEALTH_CHECK;
  }

  /** A request was answered, whatever the answer was. That ends no outage: it may have been sent before. */
  answered(): void {
    this.failures = 0;
  }

  /** @returns what is new: the Vault was found down, or is back */
  judged(health: Health, nowMs: number): 'down' | 'back' | undefined {
    const { outage } = this;
    if (health.up) {
      this.failures = 0;
      this.questions = 0;
      if (outage === undefined) return undefined;
      outage.untilMs = nowMs;
      return 'back';
    }
    const { kind, detail } = health;
    if (outage !== undefined) {
      // It was stopped, and is sealed after its start: what counts is what keeps it from working now.
      Object.assign(outage, { kind, detail });
      return undefined;
    }
    this.outages.push({ kind, detail, sinceMs: this.isDoubtful ? this.firstFailureMs : nowMs });
    if (this.outages.length > REMEMBERED_OUTAGES) this.outages.shift();
    return 'down';
  }

  /**
   * How long to wait before a Vault that is down is asked again.
   *
   * @param random 0 ≤ random < 1: many workers must not ask at the same moment
   */
  nextWaitMs(random: number): number {
    const waitMs = Math.min(FIRST_HEALTH_PAUSE_MS * 2 ** this.questions++, MAX_HEALTH_PAUSE_MS);
    return Math.max(FIRST_HEALTH_PAUSE_MS, waitMs * (0.75 + random / 4));
  }

  /** Outages that lasted at that time, or began after it. */
  outagesSince(sinceMs: number): Outage[] {
    return this.outages.filter(({ untilMs }) => untilMs === undefined || untilMs >= sinceMs);
  }
}
