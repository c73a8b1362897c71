import { FEED_LOG_EVERY_MS } from '../limits';
import type { Logger } from '../log';

/**
 * Warnings of a feed: one line per reason and minute, with how often it happened since the last one. Peers decide how often
 * something happens here, and must not fill the log. No text of a peer is ever logged: a line may contain values.
 */
export class ReasonLog {
  private readonly reasons = new Map<string, { loggedMs: number; unlogged: number }>();

  constructor(
    private readonly log: Logger,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** @param text what happened and what to do, the same for each reason */
  warn(reason: string, text: string): void {
    const nowMs = this.now();
    const known = this.reasons.get(reason);
    if (known !== undefined && nowMs - known.loggedMs < FEED_LOG_EVERY_MS) {
      known.unlogged++;
      return;
    }
    const unlogged = known?.unlogged ?? 0;
    this.reasons.set(reason, { loggedMs: nowMs, unlogged: 0 });
    this.log.warn(unlogged === 0 ? text : `${text} (${unlogged} more times since the last such line)`);
  }
}
