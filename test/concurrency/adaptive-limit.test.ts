import { Level } from '../../src/concurrency/adaptive-limit';
import { MAX_VAULT_REQUESTS } from '../../src/limits';

/**
 * A Vault that works on so many requests at the same time, and keeps the others waiting.
 *
 * @param wayMs how long a request travels
 * @param workMs how long it is worked on
 */
function vault(atOnce: number, wayMs: number, workMs: number): (inFlight: number) => number {
  return (inFlight) => wayMs + workMs * Math.max(1, inFlight / atOnce);
}

/** Lets so many requests go, always as many in flight as the level says. @returns the level after them */
function run(level: Level, latencyMs: (inFlight: number) => number, requests = 20_000): number {
  for (let request = 0; request < requests; request++) {
    level.full();
    level.answered(latencyMs(level.value));
  }
  return level.value;
}

test('grows while the latency holds, up to its cap', () => {
  expect(run(new Level(), vault(1000, 20, 1))).toBe(MAX_VAULT_REQUESTS);
  expect(run(new Level(40), vault(1000, 20, 1))).toBe(40);
  expect(new Level(3).value).toBe(3);
});

test.each([
  ['next door', 4, 0.2, 1],
  ['in another town', 16, 10, 5],
  ['slow', 2, 5, 40],
])('settles where a Vault %s is busy, and not far beyond', (_where, atOnce, wayMs, workMs) => {
  const latencyMs = vault(atOnce, wayMs, workMs);
  const found = run(new Level(), latencyMs);
  // Nothing is to be gained by more in flight, and nobody waits for long.
  const served = (inFlight: number): number => inFlight / latencyMs(inFlight);
  expect(served(found)).toBeGreaterThan(0.75 * served(MAX_VAULT_REQUESTS));
  const lowestMs = latencyMs(4);
  expect(latencyMs(found)).toBeLessThanOrEqual(lowestMs + 3 * Math.max(lowestMs, 10));
});

test('one huge folder among many is no reason for less', () => {
  const level = new Level();
  let requests = 0;
  const latencyMs = (): number => (++requests % 32 === 0 ? 1_900 : 1);
  // The lowest latency is known before.
  run(level, () => 1, 40);
  expect(run(level, latencyMs)).toBe(MAX_VAULT_REQUESTS);
});

test('shrinks when the latency rises, and grows again when it falls', () => {
  const level = new Level();
  const quick = run(level, vault(1000, 5, 1));
  const busy = run(level, vault(2, 5, 30));
  expect(busy).toBeLessThan(quick / 2);
  expect(run(level, vault(1000, 5, 1))).toBe(quick);
});

test('a network that has become slower for good is no reason for less', () => {
  const level = new Level();
  run(level, vault(1000, 2, 1));
  expect(run(level, vault(1000, 100, 1), 200_000)).toBe(MAX_VAULT_REQUESTS);
});

test('is halved when it is too much, and never less than one', () => {
  const level = new Level();
  run(level, vault(1000, 5, 1));
  level.tooMuch(12);
  expect(level.value).toBe(6);
  for (let time = 0; time < 10; time++) level.tooMuch(12);
  expect(level.value).toBe(1);
  expect(run(level, vault(1000, 5, 1))).toBe(MAX_VAULT_REQUESTS);
});

test('what was never used up says nothing about more', () => {
  const level = new Level();
  const first = level.value;
  for (let request = 0; request < 1_000; request++) level.answered(1);
  expect(level.value).toBe(first);
});
