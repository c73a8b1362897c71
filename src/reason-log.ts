import { FEED_LOG_EVERY_MS, REASON_LOG_MAX } from './limits';
import type { Logger } from './log';

/**
 * Warnings that repeat: one line per reason and time, with how often it happened since the last one. An outage or a peer
 * decides how often something happens, and must not fill the log. No text of a peer is ever logged: a line may contain
 * values.
 */
export class ReasonLog {
  private readonly reasons = new Map<string, { loggedMs: number; unlogged: number }>();

  constructor(
    private readonly log: Logger,
    private readonly now: () => number = () => performance.now(),
    private readonly everyMs = FEED_LOG_EVERY_MS,
  ) {}

  /** @param text what happened and what to do, the same for each reason */
  warn(reason: string, text: string, fields: object = {}): void {
    this.write('warn', reason, text, fields);
  }

  error(reason: string, text: string): void {
    this.write('error', reason, text, {});
  }

  private write(level: 'warn' | 'error', reason: string, text: string, fields: object): void {
    const nowMs = this.now();
    const known = this.reasons.get(reason);
    if (known !== undefined && nowMs - known.loggedMs < this.everyMs) {
      known.unlogged++;
      return;
    }
    const unlogged = known?.unlogged ?? 0;
    // Last in the order of the map: the reason that was logged longest ago is the first to be forgotten.
    this.reasons.delete(reason);
    this.reasons.set(reason, { loggedMs: nowMs, unlogged: 0 });
    const [oldest] = this.reasons.keys();
    if (this.reasons.size > REASON_LOG_MAX && oldest !== undefined) this.reasons.delete(oldest);
    this.log[level](
      fields,
      unlogged === 0 ? text : `${text} (${unlogged} more times since the last such line)`,
    );
  }
}
