import { afterRenewal, dueAtMs, nextWarningMs, planOf } from '../../src/vault/token-keeper';

const NOW = Date.parse('2026-01-31T12:00:00Z');
const HOUR = 3_600_000;

test('dueAtMs is two thirds of the time that the token got', () => {
  expect(dueAtMs(planOf({ ttlS: 3600, renewable: true }, NOW))).toBe(NOW + HOUR * (2 / 3));
  // Looked up after half of it: the time that it got counts, not the time left.
  expect(dueAtMs(planOf({ ttlS: 1800, grantedS: 3600, renewable: true }, NOW))).toBe(NOW + HOUR / 6);
  expect(dueAtMs(planOf({ ttlS: 600, grantedS: 3600, renewable: true }, NOW))).toBeLessThan(NOW);
});

test('afterRenewal moves the end after a full renewal', () => {
  const plan = planOf({ ttlS: 3600, renewable: true }, NOW);
  const later = NOW + HOUR / 2;
  for (const ttlS of [3600, 3600.5]) {
    const next = afterRenewal(plan, { ttlS, renewable: true }, later);
    expect(next).toMatchObject({ renewable: true, lastEndMs: undefined, endMs: later + ttlS * 1000 });
  }
});

test.each([
  ['less time than it was asked for', { ttlS: 1800, renewable: true }],
  ['a token that is no longer renewable', { ttlS: 3600, renewable: false }],
])('afterRenewal plans no other renewal after one that gave %s', (_what, grant) => {
  const plan = planOf({ ttlS: 3600, renewable: true }, NOW);
  const endMs = NOW + grant.ttlS * 1000;
  expect(afterRenewal(plan, grant, NOW)).toMatchObject({ renewable: false, endMs, lastEndMs: endMs });
});

test('planOf knows the last end of a token that is not renewable or has an explicit max TTL', () => {
  expect(planOf({ ttlS: 60, renewable: false }, NOW).lastEndMs).toBe(NOW + 60_000);
  expect(planOf({ ttlS: 60, renewable: true, lastEndS: NOW / 1000 + 7200 }, NOW).lastEndMs).toBe(
    NOW + 2 * HOUR,
  );
  expect(planOf({ ttlS: 60, renewable: true }, NOW).lastEndMs).toBeUndefined();
});

test('nextWarningMs warns after half of the time left, then each minute, then at the end', () => {
  const endMs = NOW + 32 * 24 * HOUR;
  const warnings = [NOW];
  while ((warnings.at(-1) ?? endMs) < endMs) warnings.push(nextWarningMs(endMs, warnings.at(-1) ?? endMs));
  expect(warnings).toHaveLength(18);
  expect(warnings[1]).toBe(NOW + 16 * 24 * HOUR);
  expect(warnings.at(-1)).toBe(endMs);
  const gaps = warnings.slice(1, -1).map((time, place) => time - (warnings[place] ?? 0));
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(60_000);
});
