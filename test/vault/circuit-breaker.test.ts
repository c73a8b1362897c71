import { CircuitBreaker, type Health } from '../../src/vault/circuit-breaker';
import { FAILURES_BEFORE_HEALTH_CHECK, FIRST_HEALTH_PAUSE_MS, MAX_HEALTH_PAUSE_MS } from '../../src/limits';

const UP: Health = { up: true };
const SEALED: Health = { up: false, kind: 'sealed', detail: 'sealed' };
const SILENT: Health = { up: false, kind: 'unavailable', detail: 'no answer' };

/** Reports failures in a row, from 1,000 ms on. @returns whether a health check is due, after each of them */
function fail(breaker: CircuitBreaker, times: number): boolean[] {
  return Array.from({ length: times }, (_, time) => breaker.failed(1_000 + time));
}

test('CircuitBreaker asks for a health check after some failures in a row, and opens only if it fails', () => {
  const breaker = new CircuitBreaker();
  expect(fail(breaker, FAILURES_BEFORE_HEALTH_CHECK)).toEqual([
    ...Array.from({ length: FAILURES_BEFORE_HEALTH_CHECK - 1 }, () => false),
    true,
  ]);
  expect(breaker.outage).toBeUndefined();
  expect(breaker.judged(SEALED, 2_000)).toBe('down');
  expect(breaker.outage).toEqual({ kind: 'sealed', detail: 'sealed', sinceMs: 1_000 });
});

test('CircuitBreaker counts failures anew after an answer', () => {
  const breaker = new CircuitBreaker();
  for (let round = 0; round < 3; round++) {
    expect(fail(breaker, FAILURES_BEFORE_HEALTH_CHECK - 1)).not.toContain(true);
    expect(breaker.isDoubtful).toBe(true);
    breaker.answered();
    expect(breaker.isDoubtful).toBe(false);
  }
});

test('CircuitBreaker stays closed while the Vault is healthy, however many paths fail', () => {
  const breaker = new CircuitBreaker();
  for (let round = 0; round < 10; round++) {
    expect(fail(breaker, FAILURES_BEFORE_HEALTH_CHECK).at(-1)).toBe(true);
    expect(breaker.judged(UP, 2_000)).toBeUndefined();
    expect(breaker.outage).toBeUndefined();
    expect(breaker.isDoubtful).toBe(false);
  }
});

test('CircuitBreaker closes only after a good health check, and reports each change once', () => {
  const breaker = new CircuitBreaker();
  fail(breaker, FAILURES_BEFORE_HEALTH_CHECK);
  expect(breaker.judged(SILENT, 2_000)).toBe('down');
  // A late answer to a request that was sent before.
  breaker.answered();
  expect(breaker.outage).toBeDefined();
  expect(fail(breaker, FAILURES_BEFORE_HEALTH_CHECK)).not.toContain(true);
  expect(breaker.judged(SILENT, 3_000)).toBeUndefined();
  expect(breaker.judged(UP, 4_000)).toBe('back');
  expect(breaker.outage).toBeUndefined();
  expect(breaker.judged(UP, 5_000)).toBeUndefined();
});

test('CircuitBreaker updates the reason of an outage, and keeps its beginning', () => {
  const breaker = new CircuitBreaker();
  fail(breaker, FAILURES_BEFORE_HEALTH_CHECK);
  breaker.judged(SILENT, 2_000);
  breaker.judged(SEALED, 3_000);
  expect(breaker.outage).toEqual({ kind: 'sealed', detail: 'sealed', sinceMs: 1_000 });
});

test('CircuitBreaker pauses 1 s to 30 s between health checks', () => {
  const breaker = new CircuitBreaker();
  fail(breaker, FAILURES_BEFORE_HEALTH_CHECK);
  breaker.judged(SILENT, 2_000);
  const most = Array.from({ length: 8 }, () => breaker.nextPauseMs(1));
  expect(most).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
  expect(breaker.nextPauseMs(0)).toBe(0.75 * MAX_HEALTH_PAUSE_MS);
  breaker.judged(UP, 3_000);
  fail(breaker, FAILURES_BEFORE_HEALTH_CHECK);
  breaker.judged(SILENT, 4_000);
  expect(breaker.nextPauseMs(0)).toBe(FIRST_HEALTH_PAUSE_MS);
});

test('CircuitBreaker remembers the outages that lasted at a time or began later', () => {
  const breaker = new CircuitBreaker();
  for (const downMs of [10_000, 20_000, 30_000]) {
    breaker.judged(SEALED, downMs);
    breaker.judged(UP, downMs + 5_000);
  }
  breaker.judged(SILENT, 40_000);
  const begins = (sinceMs: number): number[] => breaker.outagesSince(sinceMs).map((outage) => outage.sinceMs);
  expect(begins(0)).toEqual([10_000, 20_000, 30_000, 40_000]);
  expect(begins(22_000)).toEqual([20_000, 30_000, 40_000]);
  expect(begins(50_000)).toEqual([40_000]);
  for (let more = 0; more < 100; more++) {
    breaker.judged(UP, 60_000);
    breaker.judged(SEALED, 60_000);
  }
  expect(begins(0).length).toBeLessThanOrEqual(10);
});
