import { awaitTurn, limitRequests } from '../../src/vault/request-rate';

/** On a clock of the test's own: how many may be sent is counted second by second. */

const VAULT = 'http://vault.example:8200';
const lifts: (() => void)[] = [];

beforeEach(() => jest.useFakeTimers());
afterEach(() => {
  for (const lift of lifts.splice(0)) lift();
  jest.useRealTimers();
});

const limit = (perSecond: number, address = VAULT): void =>
  void lifts.push(limitRequests(address, perSecond));

/** Asks for so many turns at once. @returns how many were given so far */
function ask(times: number, address = VAULT): () => number {
  let given = 0;
  for (let time = 0; time < times; time++) void awaitTurn(address).then(() => given++);
  return () => given;
}

test('awaitTurn lets no more requests through in any second than the limit, and all in the end', async () => {
  limit(5);
  const given = ask(20);
  const perSecond: number[] = [];
  for (let tenth = 0, before = 0; given() < 20 && tenth < 200; tenth++) {
    await jest.advanceTimersByTimeAsync(tenth === 0 ? 0 : 100);
    perSecond.push(given() - before);
    before = given();
  }
  expect(given()).toBe(20);
  // Ten tenths are less than a second by one step of the clock, on either side.
  for (let start = 0; start < perSecond.length; start++) {
    const inSecond = perSecond.slice(start, start + 10).reduce((sum, count) => sum + count, 0);
    expect(inSecond).toBeLessThanOrEqual(5);
  }
});

test('awaitTurn does not wait without a limit, or for another Vault', async () => {
  limit(1, 'http://other.example:8200');
  const given = ask(100);
  await jest.advanceTimersByTimeAsync(0);
  expect(given()).toBe(100);
});

test('limitRequests identifies a Vault by host and port, and applies its lowest limit', async () => {
  limit(50);
  limit(2, 'HTTP://Vault.example:8200/base/');
  const given = ask(10);
  await jest.advanceTimersByTimeAsync(900);
  expect(given()).toBe(2);
});

test('limitRequests keeps a limit until the last user removes it', async () => {
  limit(1);
  limit(1);
  const [first, second] = lifts.splice(0);
  first?.();
  first?.();
  const limited = ask(5);
  await jest.advanceTimersByTimeAsync(0);
  expect(limited()).toBe(1);
  second?.();
  const free = ask(5);
  await jest.advanceTimersByTimeAsync(0);
  expect(free()).toBe(5);
});

test('awaitTurn throws at once when it is cancelled', async () => {
  limit(1);
  ask(1);
  const stop = new AbortController();
  const waiting = awaitTurn(VAULT, stop.signal);
  stop.abort(new Error('stopped'));
  await expect(waiting).rejects.toThrow('stopped');
  await expect(awaitTurn(VAULT, stop.signal)).rejects.toThrow('stopped');
});
