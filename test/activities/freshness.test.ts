import { Freshness, writeFresh, type Decision } from '../../src/activities/destination/base/freshness';
import { FRESH_MS, WRITE_ATTEMPTS } from '../../src/limits';
import { VaultError, type VaultErrorKind } from '../../src/vault/errors';
import type { Kv2 } from '../../src/vault/kv2';

afterEach(() => jest.restoreAllMocks());

/** Sets both clocks, in milliseconds since the question was sent. */
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
])('Freshness.isFresh holds for FRESH_MS by both clocks: %s', (_when, wallMs, steadyMs, fresh) => {
  at(0, 0);
  const freshness = new Freshness();
  at(wallMs, steadyMs);
  expect(freshness.isFresh()).toBe(fresh);
});

describe('writeFresh', () => {
  const vault = { client: { address: 'https://vault' } } as unknown as Kv2;
  const at = { vault, place: { mount: 's/', rel: 'a' }, signal: new AbortController().signal };
  const failure = (kind: VaultErrorKind): VaultError => new VaultError(kind, 'https://vault', 's/a', kind);
  let reads: number;
  let questions: number;
  beforeEach(() => {
    reads = 0;
    questions = 0;
  });
  const read = (): Promise<number> => Promise.resolve(++reads);
  const deciding =
    (write: (there: number) => Promise<string>, arrived?: (now: number) => string | undefined) =>
    (): Promise<Decision<number, string>> => {
      questions += 1;
      const there = reads;
      return Promise.resolve({
        freshness: new Freshness(),
        write: () => write(there),
        ...(arrived && { arrived }),
      });
    };

  it('writes against the version that it read before the question', async () => {
    const decide = deciding((there) => Promise.resolve(`against ${there}`));
    expect(await writeFresh(at, { read, decide, retried: [] })).toBe('against 1');
    expect([reads, questions]).toEqual([1, 1]);
  });

  it('does not read a version that is known', async () => {
    const decide = deciding((there) => Promise.resolve(`against ${there}`));
    expect(await writeFresh(at, { read, known: { there: 0 }, decide, retried: [] })).toBe('against 0');
    expect(reads).toBe(0);
  });

  it('reads and asks again after a retried failure', async () => {
    const decide = deciding((there) =>
      there === 2 ? Promise.resolve('against 2') : Promise.reject(failure('conflict')),
    );
    expect(await writeFresh(at, { read, decide, retried: ['conflict'] })).toBe('against 2');
    expect(questions).toBe(2);
  });

  it('throws any other failure at once', async () => {
    const decide = deciding(() => Promise.reject(failure('conflict')));
    await expect(writeFresh(at, { read, decide, retried: [] })).rejects.toMatchObject({ kind: 'conflict' });
    expect(questions).toBe(1);
  });

  it('does not retry a failed question', async () => {
    const decide = (): Promise<Decision<number, string>> => Promise.reject(failure('unavailable'));
    await expect(writeFresh(at, { read, decide, retried: ['unavailable'] })).rejects.toMatchObject({
      kind: 'unavailable',
    });
    expect(reads).toBe(1);
  });

  it('takes a write whose answer was lost for done if it has arrived', async () => {
    const decide = deciding(
      () => Promise.reject(failure('unavailable')),
      (now) => `there as ${now}`,
    );
    expect(await writeFresh(at, { read, decide, retried: ['unavailable'] })).toBe('there as 2');
    expect(questions).toBe(1);
  });

  it('gives up when every answer was too old', async () => {
    const decide = deciding(() => Promise.reject(failure('cancelled')));
    await expect(writeFresh(at, { read, decide, retried: [] })).rejects.toThrow(
      /longer than 5 s; it was not sent/,
    );
    expect(questions).toBe(WRITE_ATTEMPTS);
  });
});
