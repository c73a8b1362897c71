import { AdaptiveLimit } from '../../src/concurrency/adaptive-limit';
import { BlockedError, Lane, RequestQueue, type Entry, type Passage } from '../../src/vault/request-queue';
import { MAX_VAULT_REQUESTS } from '../../src/limits';

/** With a clock of the test's own. */

beforeEach(() => jest.useFakeTimers());
afterEach(() => {
  expect(jest.getTimerCount()).toBe(0);
  jest.useRealTimers();
});

const ANSWERED: Passage = { kind: 'answered', latencyMs: 1 };
const refused = (retryAfterMs?: number): Passage => ({ kind: 'throttled', retryAfterMs });

/** Enters, also where there is nothing to wait for. */
async function enter(queue: RequestQueue, ...how: Parameters<RequestQueue['enter']>): Promise<void> {
  await queue.enter(...how);
}

/** Enters a number of requests. @returns how many were let through so far */
function ask(queue: RequestQueue, times: number, entry: Entry = {}): () => number {
  let given = 0;
  for (let time = 0; time < times; time++) void enter(queue, entry).then(() => given++);
  return () => given;
}

const pass = (ms: number): Promise<void> => jest.advanceTimersByTimeAsync(ms);

test('RequestQueue lets through as many requests as its adaptive limit, then one for each that ends', async () => {
  const queue = new RequestQueue(new AdaptiveLimit(3));
  const given = ask(queue, 5);
  await pass(0);
  expect(given()).toBe(3);
  queue.leave(ANSWERED);
  queue.leave({ kind: 'silent' });
  await pass(0);
  expect(given()).toBe(5);
});

test('RequestQueue keeps the cap of each client, and lets others through meanwhile', async () => {
  const queue = new RequestQueue(new AdaptiveLimit(10));
  const [small, large] = [new Lane(2), new Lane(3)];
  const ofSmall = ask(queue, 4, { lane: small });
  const ofLarge = ask(queue, 4, { lane: large });
  const uncapped = ask(queue, 1);
  await pass(0);
  expect([ofSmall(), ofLarge(), uncapped()]).toEqual([2, 3, 1]);
  queue.leave(ANSWERED, small);
  await pass(0);
  expect([ofSmall(), ofLarge()]).toEqual([3, 3]);
  queue.leave(ANSWERED);
  await pass(0);
  expect([ofSmall(), ofLarge()]).toEqual([3, 3]);
  queue.leave(ANSWERED, large);
  queue.leave(ANSWERED, small);
  await pass(0);
  expect([ofSmall(), ofLarge()]).toEqual([4, 4]);
});

test('RequestQueue does not take the cap of a client for a demand for more', async () => {
  const limit = new AdaptiveLimit();
  const queue = new RequestQueue(limit);
  const lane = new Lane(2);
  ask(queue, 1_000, { lane });
  for (let answered = 0; answered < 900; answered++) {
    await pass(0);
    queue.leave(ANSWERED, lane);
  }
  expect(limit.value).toBe(new AdaptiveLimit().value);
});

test('RequestQueue sends reads of a client at its cap one place in four', async () => {
  const queue = new RequestQueue(new AdaptiveLimit(10));
  const lane = new Lane(1);
  const order: string[] = [];
  const write = (): void => void enter(queue, { lane, isWrite: true }).then(() => order.push('write'));
  for (let time = 0; time < 20; time++) write();
  for (let time = 0; time < 3; time++) void enter(queue, { lane }).then(() => order.push('read'));
  for (let time = 0; time < 13; time++) {
    await pass(0);
    queue.leave(ANSWERED, lane);
  }
  expect(order.slice(0, 13).filter((kind) => kind === 'read')).toHaveLength(3);
});

test('RequestQueue lets clients take turns', async () => {
  const queue = new RequestQueue(new AdaptiveLimit(1));
  const [one, other] = [new Lane(), new Lane()];
  const order: string[] = [];
  const enterAs = (name: string, lane: Lane): void =>
    void enter(queue, { lane }).then(() => order.push(name));
  for (let time = 0; time < 4; time++) enterAs('one', one);
  enterAs('other', other);
  await pass(0);
  queue.leave(ANSWERED, one);
  await pass(0);
  queue.leave(ANSWERED, one);
  await pass(0);
  expect(order).toEqual(['one', 'one', 'other']);
});

test('RequestQueue gives the place of a slow request to another one, up to a bound', async () => {
  const queue = new RequestQueue(new AdaptiveLimit(2));
  const lane = new Lane(2);
  const given = ask(queue, 6, { lane });
  await pass(0);
  expect([queue.giveWay(lane), queue.giveWay(lane), queue.giveWay(lane)]).toEqual([true, true, false]);
  await pass(0);
  expect(given()).toBe(4);
  // The slow request ends: it has no place to give back.
  queue.leave({ kind: 'passed' }, lane, true);
  await pass(0);
  expect(given()).toBe(4);
  queue.leave(ANSWERED, lane);
  await pass(0);
  expect(given()).toBe(5);
  queue.leave(ANSWERED, lane);
  await pass(0);
  expect(given()).toBe(6);
});

test('RequestQueue lets mounts take turns, however many requests one of them has', async () => {
  const queue = new RequestQueue(new AdaptiveLimit(1));
  const order: string[] = [];
  const one = (mount: string): void => void enter(queue, {}, () => mount).then(() => order.push(mount));
  for (let time = 0; time < 4; time++) one('huge');
  one('small');
  for (let time = 0; time < 5; time++) {
    await pass(0);
    queue.leave(ANSWERED);
  }
  expect(order).toEqual(['huge', 'huge', 'small', 'huge', 'huge']);
});

test('RequestQueue sends writes first, and a read while writes keep coming', async () => {
  const queue = new RequestQueue(new AdaptiveLimit(1));
  const order: string[] = [];
  const write = (): void => void enter(queue, { isWrite: true }).then(() => order.push('write'));
  write();
  await pass(0);
  void enter(queue).then(() => order.push('read'));
  for (let time = 0; time < 10; time++) {
    write();
    queue.leave(ANSWERED);
    await pass(0);
  }
  queue.leave(ANSWERED);
  expect(order.slice(0, 2)).toEqual(['write', 'write']);
  expect(order.slice(0, 5)).toContain('read');
});

test('RequestQueue sends more at the same time while the latency stays the same', async () => {
  const queue = new RequestQueue();
  const given = ask(queue, 2_000);
  await pass(0);
  const before = given();
  for (let answered = 0; answered < 1_000; answered++) {
    queue.leave(ANSWERED);
    await pass(0);
  }
  expect(before).toBeLessThan(MAX_VAULT_REQUESTS);
  expect(given() - 1_000).toBe(MAX_VAULT_REQUESTS);
});

test('RequestQueue halves its limit after a 503, once for all requests that got it', async () => {
  const queue = new RequestQueue(new AdaptiveLimit(4));
  const given = ask(queue, 100);
  await pass(0);
  for (let time = 0; time < 4; time++) queue.overloaded();
  for (let time = 0; time < 4; time++) queue.leave({ kind: 'silent' });
  await pass(0);
  expect(given()).toBe(6);
});

test('RequestQueue pauses all requests for the Retry-After of a 429, then sends one first', async () => {
  const queue = new RequestQueue();
  await enter(queue);
  queue.leave(refused(7_000));
  const given = ask(queue, 10);
  await pass(6_999);
  expect(given()).toBe(0);
  await pass(1);
  expect(given()).toBe(1);
  await pass(60_000);
  expect(given()).toBe(1);
  for (let answered = 0; answered < 10; answered++) {
    queue.leave(ANSWERED);
    await pass(0);
  }
  expect(given()).toBe(10);
});

test('RequestQueue pauses at most 30 s, whatever Retry-After says', async () => {
  const queue = new RequestQueue();
  await enter(queue);
  queue.leave(refused(3_600_000));
  const given = ask(queue, 1);
  await pass(30_000);
  expect(given()).toBe(1);
});

test('RequestQueue doubles the pause without Retry-After until a request is answered', async () => {
  const queue = new RequestQueue();
  const pausedMs: number[] = [];
  const meet = async (): Promise<void> => {
    queue.leave(refused());
    const startMs = Date.now();
    const entered = enter(queue).then(() => pausedMs.push(Date.now() - startMs));
    await pass(30_000);
    await entered;
  };
  await enter(queue);
  for (let round = 0; round < 3; round++) await meet();
  queue.leave(ANSWERED);
  await enter(queue);
  await meet();
  expect(pausedMs).toEqual([1_000, 2_000, 4_000, 1_000]);
});

test('RequestQueue counts 429 of requests in flight as one pause, and sends fewer after it', async () => {
  const queue = new RequestQueue(new AdaptiveLimit(4));
  ask(queue, 4);
  await pass(0);
  for (let time = 0; time < 4; time++) queue.leave(refused());
  const given = ask(queue, 1_000);
  await pass(1_000);
  expect(given()).toBe(1);
  queue.leave(ANSWERED);
  await pass(0);
  expect(given()).toBe(3);
});

test('RequestQueue rejects all waiting requests when a quota refuses everything for 20 s', async () => {
  const queue = new RequestQueue();
  await enter(queue);
  queue.leave(refused(10_000));
  expect(queue.isBlocked).toBe(false);
  const others = [enter(queue), enter(queue), enter(queue)];
  const ends = Promise.allSettled(others);
  await pass(10_000);
  expect(queue.leave(refused(10_000))).toBe(0);
  await pass(10_000);
  expect(queue.leave(refused(10_000))).toBe(1);
  expect(queue.isBlocked).toBe(true);
  const [first, second, third] = await ends;
  expect([first?.status, second?.status]).toEqual(['fulfilled', 'fulfilled']);
  expect(third).toMatchObject({ status: 'rejected', reason: expect.any(BlockedError) as unknown });
  const next = ask(queue, 1);
  await pass(10_000);
  expect(next()).toBe(1);
  queue.leave(ANSWERED);
  expect(queue.isBlocked).toBe(false);
});

test('RequestQueue rejects a cancelled request at once, and gives its place to the next', async () => {
  const queue = new RequestQueue();
  await enter(queue);
  queue.leave(refused(5_000));
  const stop = new AbortController();
  const waiting = enter(queue, { signal: stop.signal });
  const given = ask(queue, 1);
  stop.abort(new Error('stopped'));
  await expect(waiting).rejects.toThrow('stopped');
  await expect(enter(queue, { signal: stop.signal })).rejects.toThrow('stopped');
  await pass(5_000);
  expect(given()).toBe(1);
});

test('RequestQueue leaves no timer behind when all that wait for the end of a pause are cancelled', async () => {
  const queue = new RequestQueue();
  await enter(queue);
  queue.leave(refused(5_000));
  const stop = new AbortController();
  const waiting = [1, 2].map(() => enter(queue, { signal: stop.signal }));
  stop.abort(new Error('stopped'));
  for (const one of await Promise.allSettled(waiting)) expect(one.status).toBe('rejected');
  expect(jest.getTimerCount()).toBe(0);
  const given = ask(queue, 1);
  await pass(5_000);
  expect(given()).toBe(1);
});

test('RequestQueue rejects a cancelled request at once where only the cap of its client holds it back', async () => {
  const queue = new RequestQueue();
  const lane = new Lane(1);
  await enter(queue, { lane });
  const stop = new AbortController();
  const waiting = enter(queue, { lane, signal: stop.signal });
  stop.abort(new Error('stopped'));
  await expect(waiting).rejects.toThrow('stopped');
  queue.leave(ANSWERED, lane);
  const given = ask(queue, 1, { lane });
  await pass(0);
  expect(given()).toBe(1);
});

test('RequestQueue keeps the order of writes, and of reads behind them', async () => {
  const queue = new RequestQueue(new AdaptiveLimit(1));
  await enter(queue);
  queue.leave(refused(5_000));
  const order: string[] = [];
  const enterAs = (name: string, isWrite: boolean): void =>
    void enter(queue, { isWrite }).then(() => order.push(name));
  enterAs('read 1', false);
  enterAs('write 1', true);
  enterAs('read 2', false);
  enterAs('write 2', true);
  await pass(5_000);
  for (let answered = 0; answered < 4; answered++) {
    queue.leave(ANSWERED);
    await pass(0);
  }
  expect(order).toEqual(['write 1', 'write 2', 'read 1', 'read 2']);
});

test('RequestQueue takes any answer but a 429 as proof that a quota does not block', async () => {
  const queue = new RequestQueue(new AdaptiveLimit(2));
  const given = ask(queue, 40);
  await pass(0);
  expect(given()).toBe(2);
  queue.leave({ kind: 'silent' });
  queue.leave(refused(1_000));
  // Every second request is refused, for a minute.
  for (let second = 0; second < 30; second++) {
    await pass(1_000);
    expect(queue.leave(refused(1_000))).toBe(0);
    await pass(1_000);
    queue.leave({ kind: 'passed' });
    await pass(0);
  }
  expect(queue.isBlocked).toBe(false);
});

test('RequestQueue sends a waiting request when the pause ends between two reads of the clock', async () => {
  const queue = new RequestQueue(new AdaptiveLimit(1));
  await enter(queue);
  const given = ask(queue, 1);
  const beganMs = Date.now();
  // The clock moves while the queue reads it: before the end of the pause at the first read, at its end at the next.
  const clock = jest.spyOn(Date, 'now');
  clock.mockReturnValueOnce(beganMs).mockReturnValueOnce(beganMs);
  clock.mockReturnValueOnce(beganMs + 999).mockReturnValue(beganMs + 1_000);
  queue.leave(refused(1_000));
  clock.mockRestore();
  await pass(1_000);
  expect(given()).toBe(1);
  queue.leave(ANSWERED);
});

/** Fills two clients, and lets 24 requests through one by one. @returns how many reads of each were sent */
async function readsOfTwo(writesOf: readonly [number, number]): Promise<[number, number]> {
  const queue = new RequestQueue(new AdaptiveLimit(1));
  const lanes = [new Lane(), new Lane()] as const;
  const order: { client: 0 | 1; isWrite: boolean }[] = [];
  for (const client of [0, 1] as const) {
    const lane = lanes[client];
    for (const isWrite of [true, false])
      for (let time = 0; time < (isWrite ? writesOf[client] : 24); time++)
        void enter(queue, { lane, isWrite }).then(() => order.push({ client, isWrite }));
  }
  for (let time = 0; time < 24; time++) {
    await pass(0);
    queue.leave(ANSWERED, lanes[order.at(-1)?.client ?? 0]);
  }
  const readsOf = (which: 0 | 1): number =>
    order.slice(0, 24).filter(({ client, isWrite }) => client === which && !isWrite).length;
  return [readsOf(0), readsOf(1)];
}

test.each([
  ['both write', [24, 24] as const, [3, 3]],
  ['one of them only reads', [0, 24] as const, [6, 3]],
])(
  'RequestQueue starves the reads of no client where %s as fast as they can',
  async (_what, writes, least) => {
    const reads = await readsOfTwo(writes);
    expect(reads[0]).toBeGreaterThanOrEqual(least[0] ?? 0);
    expect(reads[1]).toBeGreaterThanOrEqual(least[1] ?? 0);
  },
);
