import { judge } from '../../../src/cli/status/judge';
import type { Facts } from '../../../src/cli/status/status';
import { slotsOf } from '../../../src/cli/ui/day';
import type { SyncView } from '../../../src/cli/ui/shared-status';
import type { PathFailure } from '../../../src/contract/cycle';
import { AT, counted, cycle, wellDestination, wellOrigin } from '../status/facts';

/** What the page gets of a sync with these facts. */
export function viewOf(facts: Facts, more: Partial<SyncView> = {}): SyncView {
  const { name, role } = facts;
  const status = { ...facts, ...judge(facts, `${name}.json`) };
  return { name, role, temporal: { address: '127.0.0.1:7233', namespace: 'default' }, status, ...more };
}

const MINUTE_MS = 60_000;

/** A cycle every ten minutes for a day, of which these, by their number, ended otherwise. */
function day(others: Readonly<Record<number, string>>): ReturnType<typeof slotsOf> {
  const nowMs = Date.parse(AT);
  const cycles = Array.from({ length: 144 }, (_, at) => ({
    startMs: nowMs - (144 - at) * 10 * MINUTE_MS,
    outcome: others[at] ?? (at % 9 === 0 ? 'synced' : 'unchanged'),
  }));
  return slotsOf(cycles, nowMs);
}

/** An origin that is well, a destination with held deletes and a failed path, and one in its first copy. */
export function someViews(): SyncView[] {
  const failures: PathFailure[] = [{ path: 'secret/data/team/app', class: 'forbidden', at: 'destination' }];
  const partial = cycle(1, 'partial', { counts: counted({ added: 2, failed: 1 }), failures });
  return [
    viewOf(wellOrigin(), { slots: day({}) }),
    viewOf(
      wellDestination({
        held: { count: 25, hash: '0a8f5d1c77e20a8f5d1c77e2', reason: 'more than 10 % of secret/' },
        totals: { inStep: 9_970, toAdd: 0, toUpdate: 1, toDelete: 25, retained: 4 },
        lag: { ms: 61_000, secrets: 1, since: '2026-01-01T11:58:59.000Z' },
        cycles: [partial, cycle(2, 'held'), cycle(3, 'unchanged')],
      }),
      { slots: day({ 20: 'failed', 21: 'failed', 140: 'held', 141: 'held', 143: 'partial' }) },
    ),
    viewOf(
      (() => {
        const {
          lastSuccessAt: _success,
          last: _last,
          ...rest
        } = wellDestination({
          name: 'site2',
          schedule: 'vsync-destination-site2',
          totals: { inStep: 3_400, toAdd: 6_600, toUpdate: 0, toDelete: 0, retained: 0 },
          lag: { ms: 5_000, secrets: 6_600, since: '2026-01-01T11:59:55.000Z' },
          cycles: [cycle(0, 'running')],
        });
        return rest;
      })(),
      { slots: slotsOf([], Date.parse(AT)) },
    ),
  ];
}
