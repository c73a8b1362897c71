/**
 * Connections that one process uses for its requests to one Consul, at the most. An agent allows 200 per client address
 * by default (`limits.http_max_conns_per_client`), for all programs on a machine together: eight workers and what they
 * wait on leave a third of them to others. More would also not be faster: Consul answers in a millisecond or two.
 */
export const MOST_CONNECTIONS = 16;

/** Refusals within this time count once: they come in bursts. So long after the last change there may be one more. */
const CHANGE_EVERY_MS = 1_000;

/**
 * How many requests may be sent at the same time: half as many each time that the agent refuses connections, and one
 * more after each second without a refusal. Knows no clock.
 */
export class ConnectionLimit {
  private level: number;
  private changedMs = -Infinity;

  constructor(private readonly most = MOST_CONNECTIONS) {
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
    if (this.level < this.most && nowMs - this.changedMs < CHANGE_EVERY_MS) return;
    this.level = Math.max(1, Math.floor(Math.min(this.level, inFlight) / 2));
    this.changedMs = nowMs;
  }

  /** A request was answered. */
  answered(nowMs: number): void {
    if (this.level >= this.most || nowMs - this.changedMs < CHANGE_EVERY_MS) return;
    this.level += 1;
    this.changedMs = nowMs;
  }
}
