import { SharedRounds } from '../../../src/syncer/secrets/shared-rounds';
import { eventually } from '../../support/eventually';

interface Begun {
  readonly signal: AbortSignal;
  readonly end: (answer: string) => void;
  readonly fail: (error: Error) => void;
}

let rounds: SharedRounds<string>;
let begun: Begun[];

beforeEach(() => {
  rounds = new SharedRounds();
  begun = [];
});

const never = new AbortController().signal;

const ask = (signal = never, key = 'secret'): Promise<string> =>
  rounds.ask(
    key,
    (ofRound) =>
      new Promise((resolve, reject) => {
        begun.push({ signal: ofRound, end: resolve, fail: reject });
      }),
    signal,
  );

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('SharedRounds', () => {
  test('questions that come during a round share the next one, which begins when it has ended', async () => {
    const first = ask();
    const others = [ask(), ask(), ask()];
    await turn();
    expect(begun).toHaveLength(1);
    begun[0]?.end('before the write');
    expect(await first).toBe('before the write');
    await turn();
    expect(begun).toHaveLength(2);
    begun[1]?.end('after the write');
    expect(await Promise.all(others)).toEqual(Array(3).fill('after the write'));
    void ask();
    expect(begun).toHaveLength(3);
  });

  test('the next one begins after a while, although the one before has not ended', async () => {
    void ask();
    void ask();
    expect(begun).toHaveLength(1);
    await eventually(async () => {
      expect(begun).toHaveLength(2);
      return Promise.resolve();
    }, 'the next round');
  });

  test('other questions have rounds of their own', () => {
    void ask();
    void ask(never, 'another');
    expect(begun).toHaveLength(2);
  });

  test('a question that is aborted leaves the round to the others; the last one ends it', async () => {
    void ask();
    const stops = [new AbortController(), new AbortController()];
    const asked = stops.map(({ signal }) => ask(signal).catch((error: unknown) => String(error)));
    begun[0]?.end('first');
    await turn();
    const [, round] = begun;
    stops[0]?.abort(new Error('gone'));
    await expect(asked[0]).resolves.toBe('Error: gone');
    expect(round?.signal.aborted).toBe(false);
    stops[1]?.abort(new Error('gone too'));
    await expect(asked[1]).resolves.toBe('Error: gone too');
    expect(round?.signal.aborted).toBe(true);
  });

  test('a round whose questions are all gone before it begins asks nothing', async () => {
    void ask();
    const stop = new AbortController();
    const asked = ask(stop.signal).catch(() => 'gone');
    stop.abort();
    expect(await asked).toBe('gone');
    begun[0]?.end('first');
    await turn();
    expect(begun).toHaveLength(1);
  });

  test('a question does not join a round whose questions are all gone', async () => {
    const stop = new AbortController();
    void ask();
    void ask(stop.signal).catch(() => undefined);
    stop.abort();
    await turn();
    const asked = ask();
    begun[0]?.end('first');
    await turn();
    begun[1]?.end('second');
    expect(await asked).toBe('second');
  });

  test('a failure is that of all questions of the round, and the next one begins', async () => {
    const first = ask();
    const second = ask();
    begun[0]?.fail(new Error('failed'));
    await expect(first).rejects.toThrow('failed');
    await turn();
    begun[1]?.end('second');
    expect(await second).toBe('second');
  });
});
