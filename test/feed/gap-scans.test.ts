import { GapScans } from '../../src/feed/gap-scans';
import { FEED_GAP_SCAN_MS } from '../../src/limits';

const TICK_MS = 60_000;

describe('GapScans', () => {
  it('allows a first scan at once, and one more shortly after it', () => {
    const scans = new GapScans(TICK_MS);
    expect(scans.waitMs(0)).toBe(0);
    scans.requested(0);
    expect(scans.waitMs(0)).toBe(FEED_GAP_SCAN_MS);
    expect(scans.waitMs(FEED_GAP_SCAN_MS)).toBe(0);
  });

  it('allows one per tick where gaps never end', () => {
    const scans = new GapScans(TICK_MS);
    const atMs: number[] = [];
    for (let nowMs = 0; nowMs < 10 * TICK_MS; nowMs += 100) {
      if (scans.waitMs(nowMs) > 0) continue;
      atMs.push(nowMs);
      scans.requested(nowMs);
    }
    // 0, 5, 15, 35 and 75 s, and then every minute.
    expect(atMs.slice(0, 6)).toEqual([0, 5_000, 15_000, 35_000, 75_000, 135_000]);
    expect(atMs).toHaveLength(13);
  });

  it('begins anew after a tick without a gap', () => {
    const scans = new GapScans(TICK_MS);
    for (const nowMs of [0, 5_000, 15_000, 35_000, 75_000]) scans.requested(nowMs);
    const laterMs = 75_000 + 2 * TICK_MS + 1;
    scans.requested(laterMs);
    expect(scans.waitMs(laterMs)).toBe(FEED_GAP_SCAN_MS);
  });

  it('never waits longer than a short tick', () => {
    const scans = new GapScans(1_000);
    scans.requested(0);
    expect(scans.waitMs(0)).toBe(1_000);
  });
});
