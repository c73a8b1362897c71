import type { Instance } from '../../src/syncer/instances/instance';
import type { ProbeAnswer } from '../../src/syncer/probe';
import { findOrigin, Rounds, type Question, type RoundsOptions } from '../../src/syncer/rounds';
import type { RoundResult } from '../../src/syncer/round';

const PRESENT: ProbeAnswer = { kind: 'present' };
const ABSENT: ProbeAnswer = { kind: 'absent' };

interface Asked {
  readonly name: string;
  readonly token: string;
  readonly signal: AbortSignal;
  readonly answer: (answer: ProbeAnswer) => void;
}

/** Rounds whose probes are answered by the test, or by a function. */
class World {
  readonly asked: Asked[] = [];
  shared = 0;
  readonly rounds: Rounds;

  constructor(options: Partial<RoundsOptions> = {}, byItself?: (name: string, nth: number) => ProbeAnswer) {
    this.rounds = new Rounds({
      retries: 3,
      syncTimeoutMs: 1,
      requestDeadlineMs: 60_000,
      maxProbes: 100,
      onShared: () => (this.shared += 1),
      about:
        (token) =>
        ({ name }, signal, answer) => {
          this.asked.push({ name, token, signal, answer });
          if (byItself !== undefined)
            queueMicrotask(() => {
              answer(byItself(name, this.triesAt(name)));
            });
        },
      ...options,
    });
  }

  triesAt(name: string): number {
    return this.asked.filter((asked) => asked.name === name).length;
  }

  async ask(question: Partial<Question> = {}): Promise<RoundResult | undefined> {
    const asked = this.rounds.ask({
      token: 'token',
      origin: 'a',
      instances: pods('a b c'),
      signal: new AbortController().signal,
      ...question,
    });
    if (asked === 'too many') throw new Error('too many');
    return asked;
  }

  /** Waits for the next probe of an instance. */
  async nth(name: string, nth: number): Promise<Asked> {
    for (;;) {
      const found = this.asked.filter((asked) => asked.name === name)[nth - 1];
      if (found !== undefined) return found;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

function pods(names: string): Instance[] {
  return names.split(' ').map((name, at) => ({ name, address: `10.0.0.${at + 1}` }));
}

describe('a round', () => {
  it('asks each instance but the origin once, if all have the token', async () => {
    const world = new World({}, () => PRESENT);
    const result = await world.ask();
    expect(result).toEqual({ verdict: 'Synced', states: ['origin', 'present', 'present'], notYet: [] });
    expect(world.asked.map(({ name }) => name)).toEqual(['b', 'c']);
    expect(world.rounds.inFlight).toBe(0);
  });

  it('asks all instances if the origin is not in the list', async () => {
    const world = new World({}, (name) => (name === 'a' ? PRESENT : ABSENT));
    const result = await world.ask({ origin: 'unknown', instances: pods('a b') });
    expect(result).toMatchObject({ verdict: 'NotSynced', states: ['present', 'absent'] });
  });

  it('is Synced without a probe if the origin is the only instance', async () => {
    const world = new World();
    await expect(world.ask({ instances: pods('a') })).resolves.toMatchObject({ verdict: 'Synced' });
    expect(world.asked).toEqual([]);
  });

  it('begins in a turn of its own, so that the questions behind are read meanwhile', async () => {
    const world = new World();
    const asked = ['x', 'y', 'z'].map((token) => world.ask({ token }));
    const tokens = (): string[] => [...new Set(world.asked.map(({ token }) => token))];
    const begun: string[][] = [];
    for (let turn = 0; turn < 4; turn++) {
      begun.push(tokens());
      await new Promise((resolve) => setImmediate(resolve));
    }
    // The test waits for a turn behind the one of the rounds.
    expect(begun.map(({ length }) => length)).toEqual([0, 1, 2, 3]);
    for (const { answer } of [...world.asked]) answer(PRESENT);
    await Promise.all(asked);
  });

  it('sends nothing if its client goes away before it begins', async () => {
    const world = new World();
    const gone = new AbortController();
    const asked = world.ask({ signal: gone.signal });
    gone.abort();
    await expect(asked).resolves.toBeUndefined();
    await new Promise((resolve) => setImmediate(resolve));
    expect(world.asked).toEqual([]);
    expect(world.rounds.inFlight).toBe(0);
  });

  it('asks an instance again until it has the token, and no longer', async () => {
    const world = new World({}, (name, nth) => (name === 'b' && nth < 3 ? ABSENT : PRESENT));
    await expect(world.ask()).resolves.toMatchObject({ verdict: 'Synced' });
    expect([world.triesAt('b'), world.triesAt('c')]).toEqual([3, 1]);
  });

  it.each([
    ['absent', ABSENT],
    ['refused', { kind: 'refused', status: 403 }],
    ['failed', { kind: 'failed', reason: 'reset', code: 'ECONNRESET' }],
  ] as [string, ProbeAnswer][])(
    'tries as often as "retries" an instance that is %s, and reports it',
    async (state, answer) => {
      const world = new World({}, (name) => (name === 'b' ? answer : PRESENT));
      const result = await world.ask();
      expect(result).toEqual({
        verdict: 'Partialy',
        states: ['origin', state, 'present'],
        notYet: [{ instance: pods('a b c')[1], state, answer }],
      });
      expect(world.triesAt('b')).toBe(3);
    },
  );

  it('takes a refusal or a failure as not yet: a later try can have the token', async () => {
    const answers: ProbeAnswer[] = [
      { kind: 'refused', status: 500 },
      { kind: 'failed', reason: 'timeout' },
    ];
    const world = new World({}, (_name, nth) => answers[nth - 1] ?? PRESENT);
    await expect(world.ask()).resolves.toMatchObject({ verdict: 'Synced' });
  });

  it('ends with Timeout at the deadline, and stops the probes', async () => {
    const world = new World({ requestDeadlineMs: 20 }, undefined);
    const asked = world.ask();
    (await world.nth('b', 1)).answer(PRESENT);
    const hanging = await world.nth('c', 1);
    const result = await asked;
    expect(result).toMatchObject({ verdict: 'Timeout', states: ['origin', 'present', 'pending'] });
    expect(hanging.signal.aborted).toBe(true);
    expect(world.rounds.inFlight).toBe(0);
  });

  it('ends with Timeout if the tries had not ended, and reports the last answer', async () => {
    const world = new World({ requestDeadlineMs: 30, retries: 1_000_000 }, () => ABSENT);
    const result = await world.ask();
    expect(result).toMatchObject({ verdict: 'Timeout', states: ['origin', 'pending', 'pending'] });
    expect(result?.notYet[0]?.answer).toEqual(ABSENT);
  });

  it('stops its probes and tries when its client goes away', async () => {
    const world = new World();
    const gone = new AbortController();
    const asked = world.ask({ signal: gone.signal });
    const { signal, answer } = await world.nth('b', 1);
    gone.abort();
    await expect(asked).resolves.toBeUndefined();
    expect(signal.aborted).toBe(true);
    answer(ABSENT);
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(world.triesAt('b')).toBe(1);
    expect(world.rounds.inFlight).toBe(0);
  });
});

describe('clients with the same question', () => {
  it('share the probes', async () => {
    const world = new World();
    const asked = Array.from({ length: 10 }, () => world.ask());
    for (const name of ['b', 'c']) (await world.nth(name, 1)).answer(PRESENT);
    const results = await Promise.all(asked);
    expect(results.map((result) => result?.verdict)).toEqual(Array(10).fill('Synced'));
    expect(world.asked).toHaveLength(2);
    expect(world.shared).toBe(9);
  });

  it.each([
    ['token', { token: 'other' }],
    ['origin', { origin: 'b' }],
    ['list of instances', { instances: pods('a b c d') }],
  ])('do not share a round with another %s', async (_what, other) => {
    const world = new World();
    const stop = new AbortController();
    const asked = [world.ask({ signal: stop.signal }), world.ask({ ...other, signal: stop.signal })];
    expect(world.shared).toBe(0);
    stop.abort();
    await Promise.all(asked);
  });

  it('go away one by one without stopping the others', async () => {
    const world = new World();
    const gone = new AbortController();
    const first = world.ask({ signal: gone.signal });
    const second = world.ask();
    gone.abort();
    await expect(first).resolves.toBeUndefined();
    for (const name of ['b', 'c']) (await world.nth(name, 1)).answer(PRESENT);
    await expect(second).resolves.toMatchObject({ verdict: 'Synced' });
    expect(world.asked).toHaveLength(2);
  });

  it('get their own number of tries: one that joins late waits for as many as one that came alone', async () => {
    const world = new World({ retries: 2 });
    const first = world.ask();
    (await world.nth('c', 1)).answer(PRESENT);
    (await world.nth('b', 1)).answer(ABSENT);
    const second = await world.nth('b', 2);
    const late = world.ask();
    second.answer(ABSENT);
    await expect(first).resolves.toMatchObject({ verdict: 'Partialy' });
    (await world.nth('b', 3)).answer(ABSENT);
    (await world.nth('b', 4)).answer(PRESENT);
    await expect(late).resolves.toMatchObject({ verdict: 'Synced' });
    expect([world.shared, world.triesAt('b'), world.triesAt('c')]).toEqual([1, 4, 1]);
  });

  it('are each counted once for an instance that gets the token after the tries of the first', async () => {
    const world = new World({ retries: 1 });
    const first = world.ask();
    const b = await world.nth('b', 1);
    const c = await world.nth('c', 1);
    const late = world.ask();
    b.answer(ABSENT);
    (await world.nth('b', 2)).answer(PRESENT);
    c.answer(ABSENT);
    await expect(first).resolves.toMatchObject({
      verdict: 'Partialy',
      states: ['origin', 'present', 'absent'],
    });
    (await world.nth('c', 2)).answer(PRESENT);
    await expect(late).resolves.toMatchObject({ verdict: 'Synced' });
  });

  it('begin a new round if the old one is older than the deadline', async () => {
    const world = new World({ requestDeadlineMs: 1 });
    await world.ask();
    await world.ask();
    expect(world.shared).toBe(0);
    expect(world.triesAt('b')).toBe(2);
  });
});

describe('rounds', () => {
  it('refuse a new round above the limit of probes, but a client may still join', async () => {
    const world = new World({ maxProbes: 3 });
    const stop = new AbortController();
    const question = { origin: 'a', instances: pods('a b c'), signal: stop.signal };
    const asked = world.ask(question);
    expect(world.rounds.inFlight).toBe(2);
    expect(world.rounds.ask({ ...question, token: 'other' })).toBe('too many');
    const joined = world.ask(question);
    stop.abort();
    await Promise.all([asked, joined]);
    expect(world.rounds.inFlight).toBe(0);
    expect(world.rounds.ask({ ...question, token: 'other' })).not.toBe('too many');
  });

  it('take one round with more instances than the limit', async () => {
    const world = new World({ maxProbes: 1 }, () => PRESENT);
    await expect(world.ask()).resolves.toMatchObject({ verdict: 'Synced' });
  });
});

describe('findOrigin', () => {
  const list: Instance[] = [
    { name: 'pod-1', address: '10.0.0.1' },
    { name: 'pod-2', address: '10.0.0.2', port: 81 },
    { name: 'same-1', address: '10.0.0.3', port: 81 },
    { name: 'same-2', address: '10.0.0.3', port: 82 },
    { name: 'six', address: 'fd00::1', port: 83 },
  ];

  it.each([
    ['pod-1', 'pod-1'],
    ['POD-1', 'pod-1'],
    ['10.0.0.1', 'pod-1'],
    ['10.0.0.2', 'pod-2'],
    ['10.0.0.2:81', 'pod-2'],
    ['10.0.0.3:82', 'same-2'],
    ['10.0.0.3', undefined],
    ['fd00::1', 'six'],
    ['[fd00::1]', 'six'],
    ['[fd00::1]:83', 'six'],
    ['pod', undefined],
    ['http://10.0.0.1', undefined],
    ['', undefined],
  ])('finds for %s: %s', (origin, name) => {
    expect(findOrigin(list, origin)?.name).toBe(name);
  });
});
