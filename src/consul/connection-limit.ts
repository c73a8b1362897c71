import { CONSUL_LIMIT_STEP_MS, MAX_CONSUL_CONNECTIONS } from '../limits';

/**
 * How many requests may be sent at the same time: half as many each time that the agent refuses connections, and one
 * more after each second without a refusal. Knows no clock.
 */
export class ConnectionLimit {
  private level: number;
  private changedMs = -Infinity;

  constructor(private readonly most = MAX_CONSUL_CONNECTIONS) {
    this.level = most;
  }

  /** A whole number from 1. */
  get value(): number {
    return this.level;
  }

  /**
   * The agent has refused a connection.
   *
   * @param inFlight requests that were sent and not answered
   */
  refused(inFlight: number, nowMs: number): void {
    if (this.level < this.most && nowMs - this.changedMs < CONSUL_LIMIT_STEP_MS) return;
    this.level = Math.max(1, Math.floor(Math.min(this.level, inFlight) / 2));
    this.changedMs = nowMs;
  }

  /** A request was answered. */
  answered(nowMs: number): void {
    if (this.level >= this.most || nowMs - this.changedMs < CONSUL_LIMIT_STEP_MS) return;
    this.level += 1;
    this.changedMs = nowMs;
  }
}
