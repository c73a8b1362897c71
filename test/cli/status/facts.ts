import type { CycleStatus, Facts } from '../../../src/cli/status/status';
import { NO_COUNTS, type Counts } from '../../../src/contract/cycle';

/** When the status was read. */
export const AT = '2026-01-01T12:00:00.000Z';

/** A cycle that began some minutes before. */
export function cycle(minutes: number, outcome: string, more: Partial<CycleStatus> = {}): CycleStatus {
  const startedAt = new Date(Date.parse(AT) - minutes * 60_000).toISOString();
  const workflowId = `vsync-destination-site1-${startedAt}`;
  return { workflowId, runId: `run-${minutes}`, startedAt, outcome, durationMs: 340, ...more };
}

export const counted = (counts: Partial<Counts>): NonNullable<CycleStatus['counts']> => ({
  ...NO_COUNTS,
  ...counts,
});

const vault = (address: string) => ({ address, product: 'Vault', version: '1.21.2', sealed: false });

/** A destination that has nothing to do and nothing to wait for. */
export function wellDestination(more: Partial<Facts> = {}): Facts {
  return {
    name: 'site1',
    role: 'destination',
    schedule: 'vsync-destination-site1',
    at: AT,
    vaults: { origin: vault('https://vault-main:8200'), destination: vault('https://vault-site1:8200') },
    worker: {
      queue: 'vsync-destination-site1',
      polling: [{ identity: '4711@vsync-1', lastPollAt: AT }],
    },
    paused: false,
    watch: 'running',
    nextCycleAt: '2026-01-01T12:00:30.000Z',
    skipped: { overlap: 2, missed: 0 },
    lastSuccessAt: '2026-01-01T11:59:00.340Z',
    cycles: [cycle(1, 'unchanged'), cycle(2, 'synced', { counts: counted({ added: 3 }) })],
    last: { outcome: 'synced', finishedAt: '2026-01-01T11:58:00.960Z', counts: { added: 3 } },
    totals: { inStep: 10_000, toAdd: 0, toUpdate: 0, toDelete: 0, retained: 0 },
    lag: { ms: 0, secrets: 0 },
    unknown: [],
    ...more,
  };
}

export function wellOrigin(more: Partial<Facts> = {}): Facts {
  const { lag: _lag, totals: _totals, watch: _watch, ...rest } = wellDestination();
  const { origin } = rest.vaults;
  return {
    ...rest,
    name: 'main',
    role: 'origin',
    schedule: 'vsync-origin-main',
    vaults: { origin },
    worker: { queue: 'vsync-origin-main', polling: [{ identity: '4711@vsync-1', lastPollAt: AT }] },
    published: 10_000,
    ...more,
  };
}
