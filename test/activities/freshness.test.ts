import { Freshness } from '../../src/activities/destination/base/freshness';
import { FRESH_MS } from '../../src/limits';

afterEach(() => jest.restoreAllMocks());

/** Sets both clocks, in milliseconds since the look began. */
function at(wallMs: number, steadyMs: number): void {
  jest.spyOn(Date, 'now').mockReturnValue(1_000_000 + wallMs);
  jest.spyOn(performance, 'now').mockReturnValue(5_000 + steadyMs);
}

it.each([
  ['at once', 0, 0, true],
  ['just in time', FRESH_MS - 1, FRESH_MS - 1, true],
  ['too late by both clocks', FRESH_MS, FRESH_MS, false],
  ['too late, and the wall clock was set back', -60_000, FRESH_MS, false],
  ['too late, and the machine slept', FRESH_MS, 3, false],
])('what was seen is fresh or not: %s', (_when, wallMs, steadyMs, fresh) => {
  at(0, 0);
  const look = new Freshness();
  at(wallMs, steadyMs);
  expect(look.isFresh()).toBe(fresh);
});
