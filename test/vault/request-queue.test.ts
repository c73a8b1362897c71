import { AdaptiveLimit } from '../../src/concurrency/adaptive-limit';
import { BlockedError, Turns, type Passage } from '../../src/vault/request-queue';
import { MAX_VAULT_REQUESTS } from '../../src/limits';

/** On a clock of the test's own. */

beforeEach(() => jest.useFakeTimers());
afterEach(() => {
  expect(jest.getTimerCount()).toBe(0);
  jest.useRealTimers();
});

const ANSWERED: Passage = { kind: 'answered', latencyMs: 1 };
const refused = (retryAfterMs?: number): Passage => ({ kind: 'throttled', retryAfterMs });

/** Waits for a turn also where there is nothing to wait for. */
async function enter(turns: Turns, ...how: Parameters<Turns['enter']>): Promise<void> {
  await turns.enter(...how);
}

/** Asks for so many turns at once. @returns how many were given so far */
function ask(turns: Turns, times: number): () => number {
  let given = 0;
  for (let time = 0; time < times; time++) void enter(turns).then(() => given++);
  return () => given;
}

const pass = (ms: number): Promise<void> => jest.advanceTimersByTimeAsync(ms);

test('as many have their turn as the Vault takes well, the others after them', async () => {
  const turns = new Turns(new AdaptiveLimit(3));
  const given = ask(turns, 5);
  await pass(0);
  expect(given()).toBe(3);
  turns.leave(ANSWERED);
  turns.leave({ kind: 'silent' });
  await pass(0);
  expect(given()).toBe(5);
});

test('one that takes long gives its turn to another, as many as may', async () => {
  const turns = new Turns(new AdaptiveLimit(2));
  const given = ask(turns, 5);
  await pass(0);
  expect([turns.giveWay(1), turns.giveWay(1)]).toEqual([true, false]);
  await pass(0);
  expect(given()).toBe(3);
  // The slow one ends: nobody has waited for its turn.
  turns.leave({ kind: 'passed' }, true);
  await pass(0);
  expect(given()).toBe(3);
  turns.leave(ANSWERED);
  await pass(0);
  expect(given()).toBe(4);
  turns.leave(ANSWERED);
  await pass(0);
  expect(given()).toBe(5);
});

test('each group has its turn, however many of another wait', async () => {
  const turns = new Turns(new AdaptiveLimit(1));
  const order: string[] = [];
  const one = (group: string): void => void enter(turns, {}, () => group).then(() => order.push(group));
  for (let time = 0; time < 4; time++) one('huge');
  one('small');
  for (let time = 0; time < 5; time++) {
    await pass(0);
    turns.leave(ANSWERED);
  }
  expect(order).toEqual(['huge', 'huge', 'small', 'huge', 'huge']);
});

test('writes go first, and yet a read has its turn while they come without end', async () => {
  const turns = new Turns(new AdaptiveLimit(1));
  const order: string[] = [];
  const write = (): void => void enter(turns, { isUrgent: true }).then(() => order.push('write'));
  write();
  await pass(0);
  void enter(turns).then(() => order.push('read'));
  for (let time = 0; time < 10; time++) {
    write();
    turns.leave(ANSWERED);
    await pass(0);
  }
  turns.leave(ANSWERED);
  expect(order.slice(0, 2)).toEqual(['write', 'write']);
  expect(order.slice(0, 5)).toContain('read');
});

test('more at once as long as they are answered in the same time', async () => {
  const turns = new Turns();
  const given = ask(turns, 2_000);
  await pass(0);
  const before = given();
  for (let answered = 0; answered < 1_000; answered++) {
    turns.leave(ANSWERED);
    await pass(0);
  }
  expect(before).toBeLessThan(MAX_VAULT_REQUESTS);
  expect(given() - 1_000).toBe(MAX_VAULT_REQUESTS);
});

test('a Vault that says 503 gets half as many, once for all that hear it', async () => {
  const turns = new Turns(new AdaptiveLimit(4));
  const given = ask(turns, 100);
  await pass(0);
  for (let time = 0; time < 4; time++) turns.tooMuch();
  for (let time = 0; time < 4; time++) turns.leave({ kind: 'silent' });
  await pass(0);
  expect(given()).toBe(6);
});

test('after a 429 all wait for as long as Vault says, then one goes first', async () => {
  const turns = new Turns();
  await enter(turns);
  turns.leave(refused(7_000));
  const given = ask(turns, 10);
  await pass(6_999);
  expect(given()).toBe(0);
  await pass(1);
  expect(given()).toBe(1);
  await pass(60_000);
  expect(given()).toBe(1);
  for (let answered = 0; answered < 10; answered++) {
    turns.leave(ANSWERED);
    await pass(0);
  }
  expect(given()).toBe(10);
});

test('no Retry-After makes anybody wait longer than half a minute', async () => {
  const turns = new Turns();
  await enter(turns);
  turns.leave(refused(3_600_000));
  const given = ask(turns, 1);
  await pass(30_000);
  expect(given()).toBe(1);
});

test('without Retry-After the pause doubles, until something is answered', async () => {
  const turns = new Turns();
  const pausedMs: number[] = [];
  const meet = async (): Promise<void> => {
    turns.leave(refused());
    const startMs = Date.now();
    const entered = enter(turns).then(() => pausedMs.push(Date.now() - startMs));
    await pass(30_000);
    await entered;
  };
  await enter(turns);
  for (let round = 0; round < 3; round++) await meet();
  turns.leave(ANSWERED);
  await enter(turns);
  await meet();
  expect(pausedMs).toEqual([1_000, 2_000, 4_000, 1_000]);
});

test('those that were in flight meet the same pause; fewer go at once after it', async () => {
  const turns = new Turns(new AdaptiveLimit(4));
  ask(turns, 4);
  await pass(0);
  for (let time = 0; time < 4; time++) turns.leave(refused());
  const given = ask(turns, 1_000);
  await pass(1_000);
  expect(given()).toBe(1);
  turns.leave(ANSWERED);
  await pass(0);
  expect(given()).toBe(3);
});

test('when nothing passes for long, all give up instead of waiting on', async () => {
  const turns = new Turns();
  await enter(turns);
  turns.leave(refused(10_000));
  expect(turns.isBlocked).toBe(false);
  const others = [enter(turns), enter(turns), enter(turns)];
  const ends = Promise.allSettled(others);
  await pass(10_000);
  expect(turns.leave(refused(10_000))).toBe(0);
  await pass(10_000);
  expect(turns.leave(refused(10_000))).toBe(1);
  expect(turns.isBlocked).toBe(true);
  const [first, second, third] = await ends;
  expect([first?.status, second?.status]).toEqual(['fulfilled', 'fulfilled']);
  expect(third).toMatchObject({ status: 'rejected', reason: expect.any(BlockedError) as unknown });
  const next = ask(turns, 1);
  await pass(10_000);
  expect(next()).toBe(1);
  turns.leave(ANSWERED);
  expect(turns.isBlocked).toBe(false);
});

test('who is cancelled does not wait on, and leaves its turn to the others', async () => {
  const turns = new Turns();
  await enter(turns);
  turns.leave(refused(5_000));
  const stop = new AbortController();
  const waiting = enter(turns, { signal: stop.signal });
  const given = ask(turns, 1);
  stop.abort(new Error('stopped'));
  await expect(waiting).rejects.toThrow('stopped');
  await expect(enter(turns, { signal: stop.signal })).rejects.toThrow('stopped');
  await pass(5_000);
  expect(given()).toBe(1);
});

test('writes go before all that only read, in their order', async () => {
  const turns = new Turns(new AdaptiveLimit(1));
  await enter(turns);
  turns.leave(refused(5_000));
  const order: string[] = [];
  const enterAs = (name: string, isUrgent: boolean): void =>
    void enter(turns, { isUrgent }).then(() => order.push(name));
  enterAs('read 1', false);
  enterAs('write 1', true);
  enterAs('read 2', false);
  enterAs('write 2', true);
  await pass(5_000);
  for (let answered = 0; answered < 4; answered++) {
    turns.leave(ANSWERED);
    await pass(0);
  }
  expect(order).toEqual(['write 1', 'write 2', 'read 1', 'read 2']);
});

test('an answer that is no 429 shows that no quota is in the way, whatever it says', async () => {
  const turns = new Turns(new AdaptiveLimit(2));
  const given = ask(turns, 40);
  await pass(0);
  expect(given()).toBe(2);
  turns.leave({ kind: 'silent' });
  turns.leave(refused(1_000));
  // Nobody gives up, although nothing is answered well for a minute.
  for (let second = 0; second < 30; second++) {
    await pass(1_000);
    expect(turns.leave(refused(1_000))).toBe(0);
    await pass(1_000);
    turns.leave({ kind: 'passed' });
    await pass(0);
  }
  expect(turns.isBlocked).toBe(false);
});

test('a pause that ends between two readings of the clock leaves nobody waiting', async () => {
  const turns = new Turns(new AdaptiveLimit(1));
  await enter(turns);
  const given = ask(turns, 1);
  const beganMs = Date.now();
  // The clock moves while the pause is looked at: before its end at the first reading, at its end at the next.
  const clock = jest.spyOn(Date, 'now');
  clock.mockReturnValueOnce(beganMs).mockReturnValueOnce(beganMs);
  clock.mockReturnValueOnce(beganMs + 999).mockReturnValue(beganMs + 1_000);
  turns.leave(refused(1_000));
  clock.mockRestore();
  await pass(1_000);
  expect(given()).toBe(1);
  turns.leave(ANSWERED);
});
