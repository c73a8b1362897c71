import { FEED_GAP_SCAN_MS } from '../limits';

/**
 * How often gaps, and hints of a feed without proof, may lead to a full scan. A single gap, such as a restart of the Vault,
 * is scanned soon. A sender of garbage makes a gap with each line: the pause between two scans doubles up to the tick, so
 * that it costs no more scans than an origin without a feed. It is short again after a tick without a scan for a gap.
 */
export class GapScans {
  private lastMs = -Infinity;
  private pauseMs = 0;

  constructor(private readonly tickMs: number) {}

  /** 0: now. */
  waitMs(nowMs: number): number {
    return Math.max(0, this.lastMs + this.pauseMs - nowMs);
  }

  /** A scan was requested. */
  requested(nowMs: number): void {
    const first = Math.min(FEED_GAP_SCAN_MS, this.tickMs);
    const isCalm = nowMs - this.lastMs > this.pauseMs + this.tickMs;
    this.pauseMs = isCalm ? first : Math.min(2 * this.pauseMs, this.tickMs);
    this.lastMs = nowMs;
  }
}
