import { LongPolls } from '../../src/consul/connections';
import { MAX_CONSUL_POLLS } from '../../src/limits';

/** Blocking queries that the test answers. */
class Queries {
  readonly sent: { id: string; waitMs: number; answer: (text: string) => void; signal: AbortSignal }[] = [];
  /** Under way now, and the most that ever were. */
  open = 0;
  most = 0;

  poll =
    (id: string) =>
    (waitMs: number, signal: AbortSignal): Promise<string> => {
      this.open += 1;
      this.most = Math.max(this.most, this.open);
      return new Promise<string>((resolve, reject) => {
        this.sent.push({ id, waitMs, answer: resolve, signal });
        signal.addEventListener('abort', () => {
          reject(signal.reason as Error);
        });
      }).finally(() => {
        this.open -= 1;
      });
    };

  answer(id: string, text: string): void {
    this.sent.find((query) => query.id === id && !query.signal.aborted)?.answer(text);
  }
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('LongPolls', () => {
  it('sends one query for all callers that wait for the same key', async () => {
    const [polls, queries] = [new LongPolls(), new Queries()];
    const waits = ['a', 'a', 'b', 'a'].map((id) => polls.wait(id, 60_000, queries.poll(id)));
    await settle();
    expect(queries.sent.map(({ id }) => id)).toEqual(['a', 'b']);
    queries.answer('a', 'news');
    queries.answer('b', 'other');
    expect(await Promise.all(waits)).toEqual(['news', 'news', 'other', 'news']);
  });

  it('ends a query when its last caller stops waiting', async () => {
    const [polls, queries] = [new LongPolls(), new Queries()];
    const stops = [new AbortController(), new AbortController()];
    const waits = stops.map(({ signal }) => polls.wait('a', 60_000, queries.poll('a'), signal));
    await settle();
    stops[0]?.abort(new Error('one'));
    await expect(waits[0]).rejects.toThrow('one');
    expect(queries.sent[0]?.signal.aborted).toBe(false);
    stops[1]?.abort(new Error('two'));
    await expect(waits[1]).rejects.toThrow('two');
    expect(queries.sent[0]?.signal.aborted).toBe(true);
    const again = polls.wait('a', 60_000, queries.poll('a'));
    await settle();
    queries.sent[1]?.answer('later');
    expect(await again).toBe('later');
  });

  it('keeps its bound, and lets queries take turns', async () => {
    const [polls, queries] = [new LongPolls(), new Queries()];
    const ids = [...Array(MAX_CONSUL_POLLS + 4).keys()].map(String);
    const waits = ids.map((id) => polls.wait(id, 60_000, queries.poll(id)));
    const answered = new Set<string>();
    for (const [at, wait] of waits.entries()) void wait.then(() => answered.add(String(at)));
    while (answered.size < ids.length) {
      await settle();
      for (const { id, answer } of queries.sent.filter(({ signal }) => !signal.aborted)) answer(id);
    }
    expect(await Promise.all(waits)).toEqual(ids);
    expect(queries.most).toBe(MAX_CONSUL_POLLS);
  });

  it('ends long queries when one more is needed, and continues with short ones', async () => {
    const [polls, queries] = [new LongPolls(), new Queries()];
    const ids = [...Array(MAX_CONSUL_POLLS + 1).keys()].map(String);
    const waits = ids.map((id) => polls.wait(id, 60_000, queries.poll(id)));
    await settle();
    const [before, after] = [queries.sent.slice(0, MAX_CONSUL_POLLS), queries.sent.slice(MAX_CONSUL_POLLS)];
    expect(before.map(({ waitMs, signal }) => [waitMs, signal.aborted])).toEqual(
      before.map(() => [60_000, true]),
    );
    // The new one first, then those that gave way.
    expect(after.map(({ id, waitMs }) => [id, waitMs])).toEqual(
      [ids.at(-1), ...ids.slice(0, MAX_CONSUL_POLLS - 1)].map((id) => [id, 1_000]),
    );
    queries.answer(ids.at(-1) ?? '', 'last');
    expect(await waits.at(-1)).toBe('last');
    await settle();
    expect(queries.sent.at(-1)).toMatchObject({ id: ids.at(-2), waitMs: 1_000 });
    for (const id of ids.slice(0, -1)) queries.answer(id, id);
    expect(await Promise.all(waits)).toEqual([...ids.slice(0, -1), 'last']);
  });

  it('throws the error of a query, and begins again', async () => {
    const [polls, queries] = [new LongPolls(), new Queries()];
    const failing = (): Promise<string> => Promise.reject(new Error('refused'));
    await expect(polls.wait('a', 60_000, failing)).rejects.toThrow('refused');
    const again = polls.wait('a', 60_000, queries.poll('a'));
    await settle();
    queries.answer('a', 'fine');
    expect(await again).toBe('fine');
  });
});
