import { BlockedError, Quota } from '../../src/vault/quota';

/** On a clock of the test's own. */

beforeEach(() => jest.useFakeTimers());
afterEach(() => {
  expect(jest.getTimerCount()).toBe(0);
  jest.useRealTimers();
});

/** Asks for so many turns at once. @returns how many were given so far */
function ask(quota: Quota, times: number): () => number {
  let given = 0;
  for (let time = 0; time < times; time++) void quota.enter().then(() => given++);
  return () => given;
}

const pass = (ms: number): Promise<void> => jest.advanceTimersByTimeAsync(ms);

test('without a 429 nobody waits', async () => {
  const quota = new Quota();
  const given = ask(quota, 1_000);
  await pass(0);
  expect(given()).toBe(1_000);
});

test('after a 429 all wait for as long as Vault says, then one goes first', async () => {
  const quota = new Quota();
  await quota.enter();
  quota.leave('throttled', 7_000);
  const given = ask(quota, 10);
  await pass(6_999);
  expect(given()).toBe(0);
  await pass(1);
  expect(given()).toBe(1);
  await pass(60_000);
  expect(given()).toBe(1);
  for (let answered = 0; answered < 10; answered++) {
    quota.leave('answered');
    await pass(0);
  }
  expect(given()).toBe(10);
});

test('no Retry-After makes anybody wait longer than half a minute', async () => {
  const quota = new Quota();
  await quota.enter();
  quota.leave('throttled', 3_600_000);
  const given = ask(quota, 1);
  await pass(30_000);
  expect(given()).toBe(1);
});

test('without Retry-After the pause doubles, until something is answered', async () => {
  const quota = new Quota();
  const pausedMs: number[] = [];
  const meet = async (): Promise<void> => {
    quota.leave('throttled');
    const startMs = Date.now();
    const entered = quota.enter().then(() => pausedMs.push(Date.now() - startMs));
    await pass(30_000);
    await entered;
  };
  await quota.enter();
  for (let round = 0; round < 3; round++) await meet();
  quota.leave('answered');
  await quota.enter();
  await meet();
  expect(pausedMs).toEqual([1_000, 2_000, 4_000, 1_000]);
});

test('those that were in flight meet the same pause; fewer go at once after it, and more with each answer', async () => {
  const quota = new Quota();
  ask(quota, 32);
  await pass(0);
  for (let refused = 0; refused < 32; refused++) quota.leave('throttled');
  const given = ask(quota, 1_000);
  await pass(1_000);
  expect(given()).toBe(1);
  quota.leave('answered');
  await pass(0);
  expect(given()).toBe(17);
  for (let answered = 0; answered < 983; answered++) {
    quota.leave('answered');
    await pass(0);
  }
  expect(given()).toBe(1_000);
});

test('when nothing passes for long, all give up instead of waiting on', async () => {
  const quota = new Quota();
  await quota.enter();
  quota.leave('throttled', 10_000);
  expect(quota.isBlocked).toBe(false);
  const others = [quota.enter(), quota.enter(), quota.enter()];
  const ends = Promise.allSettled(others);
  await pass(10_000);
  expect(quota.leave('throttled', 10_000)).toBe(0);
  await pass(10_000);
  expect(quota.leave('throttled', 10_000)).toBe(1);
  expect(quota.isBlocked).toBe(true);
  const [first, second, third] = await ends;
  expect([first?.status, second?.status]).toEqual(['fulfilled', 'fulfilled']);
  expect(third).toMatchObject({ status: 'rejected', reason: expect.any(BlockedError) as unknown });
  const next = ask(quota, 1);
  await pass(10_000);
  expect(next()).toBe(1);
  quota.leave('answered');
  expect(quota.isBlocked).toBe(false);
});

test('who is cancelled does not wait on, and leaves its turn to the others', async () => {
  const quota = new Quota();
  await quota.enter();
  quota.leave('throttled', 5_000);
  const stop = new AbortController();
  const waiting = quota.enter({ signal: stop.signal });
  const given = ask(quota, 1);
  stop.abort(new Error('stopped'));
  await expect(waiting).rejects.toThrow('stopped');
  await expect(quota.enter({ signal: stop.signal })).rejects.toThrow('stopped');
  await pass(5_000);
  expect(given()).toBe(1);
});

test('writes go before all that only read, in their order', async () => {
  const quota = new Quota();
  await quota.enter();
  quota.leave('throttled', 5_000);
  const order: string[] = [];
  const enter = (name: string, isUrgent: boolean): void =>
    void quota.enter({ isUrgent }).then(() => order.push(name));
  enter('read 1', false);
  enter('write 1', true);
  enter('read 2', false);
  enter('write 2', true);
  await pass(5_000);
  for (let answered = 0; answered < 4; answered++) {
    quota.leave('answered');
    await pass(0);
  }
  expect(order).toEqual(['write 1', 'write 2', 'read 1', 'read 2']);
});
