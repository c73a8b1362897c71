import { AdaptiveLimit } from '../../src/concurrency/adaptive-limit';
import { MAX_VAULT_REQUESTS } from '../../src/limits';

/**
 * The latency of a Vault that serves a number of requests at the same time, and queues the others.
 *
 * @param wayMs network time
 * @param workMs service time
 */
function vault(atOnce: number, wayMs: number, workMs: number): (inFlight: number) => number {
  return (inFlight) => wayMs + workMs * Math.max(1, inFlight / atOnce);
}

/** Sends requests with as many in flight as the limit allows. @returns the limit after them */
function run(limit: AdaptiveLimit, latencyMs: (inFlight: number) => number, requests = 20_000): number {
  for (let request = 0; request < requests; request++) {
    limit.reportDemand();
    limit.answered(latencyMs(limit.value));
  }
  return limit.value;
}

test('AdaptiveLimit grows up to its cap while the latency stays the same', () => {
  expect(run(new AdaptiveLimit(), vault(1000, 20, 1))).toBe(MAX_VAULT_REQUESTS);
  expect(run(new AdaptiveLimit(40), vault(1000, 20, 1))).toBe(40);
  expect(new AdaptiveLimit(3).value).toBe(3);
});

test.each([
  ['next door', 4, 0.2, 1],
  ['in another town', 16, 10, 5],
  ['slow', 2, 5, 40],
])('AdaptiveLimit stops near the point where a Vault %s is busy', (_where, atOnce, wayMs, workMs) => {
  const latencyMs = vault(atOnce, wayMs, workMs);
  const found = run(new AdaptiveLimit(), latencyMs);
  // More in flight would not serve more, and no request waits for long.
  const served = (inFlight: number): number => inFlight / latencyMs(inFlight);
  expect(served(found)).toBeGreaterThan(0.75 * served(MAX_VAULT_REQUESTS));
  const lowestMs = latencyMs(4);
  expect(latencyMs(found)).toBeLessThanOrEqual(lowestMs + 3 * Math.max(lowestMs, 10));
});

test('AdaptiveLimit ignores one huge folder among many', () => {
  const limit = new AdaptiveLimit();
  let requests = 0;
  const latencyMs = (): number => (++requests % 32 === 0 ? 1_900 : 1);
  // The lowest latency is known before.
  run(limit, () => 1, 40);
  expect(run(limit, latencyMs)).toBe(MAX_VAULT_REQUESTS);
});

test('AdaptiveLimit shrinks when the latency rises, and grows again when it falls', () => {
  const limit = new AdaptiveLimit();
  const quick = run(limit, vault(1000, 5, 1));
  const busy = run(limit, vault(2, 5, 30));
  expect(busy).toBeLessThan(quick / 2);
  expect(run(limit, vault(1000, 5, 1))).toBe(quick);
});

test('AdaptiveLimit adapts to a network that stays slower', () => {
  const limit = new AdaptiveLimit();
  run(limit, vault(1000, 2, 1));
  expect(run(limit, vault(1000, 100, 1), 200_000)).toBe(MAX_VAULT_REQUESTS);
});

test('AdaptiveLimit is halved after an overload, and is at least one', () => {
  const limit = new AdaptiveLimit();
  run(limit, vault(1000, 5, 1));
  limit.overloaded(12);
  expect(limit.value).toBe(6);
  for (let time = 0; time < 10; time++) limit.overloaded(12);
  expect(limit.value).toBe(1);
  expect(run(limit, vault(1000, 5, 1))).toBe(MAX_VAULT_REQUESTS);
});

test('AdaptiveLimit does not grow without demand', () => {
  const limit = new AdaptiveLimit();
  const first = limit.value;
  for (let request = 0; request < 1_000; request++) limit.answered(1);
  expect(limit.value).toBe(first);
});
