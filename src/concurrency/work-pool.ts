import Queue from 'yocto-queue';
import { DEFAULT_PARALLEL_ITEMS } from '../limits';
import { forManyRequests, onAbort } from './abort';

/*
 * Work on many items at the same time. Requests to a Vault are bounded elsewhere (vault/request-queue.ts): there the pool
 * bounds memory, and how long what was read may become stale.
 */

/** The signal of a call without one. */
const NEVER = new AbortController().signal;

export interface Call {
  /** Whether an item can begin now. Items in progress may add others. */
  hasNext: () => boolean;
  /** Begins the next item, and calls `done` once when it is over. Does not throw. */
  begin: (done: () => void) => void;
}

/** Does all the work of a call. After an abort no further item begins; those that began are waited for. */
export interface Pool {
  work(call: Call, signal: AbortSignal): Promise<void>;
}

interface Entered extends Call {
  running: number;
  end: () => void;
}

/**
 * Bounds how many items of several calls are in progress. Items of the oldest call begin first: if calls took turns,
 * chunks that began together would end together, and nothing would be in flight until the next ones arrive. An item must
 * not wait for another item of the same pool, which may be full.
 */
export class WorkPool implements Pool {
  private readonly calls = new Set<Entered>();
  private readonly urgentCalls = new Set<Entered>();
  private inUse = 0;
  /** The same places, given before those of the pool itself: for few items that somebody waits for. */
  readonly urgent: Pool = { work: (call, signal) => this.enter(call, signal, this.urgentCalls) };

  /**
   * @param size most items in progress; read each time, so it may change
   * @param onFull called when an item has to wait
   */
  constructor(
    private readonly size: () => number,
    private readonly onFull: () => void = () => undefined,
  ) {}

  work(call: Call, signal: AbortSignal): Promise<void> {
    return this.enter(call, signal, this.calls);
  }

  private enter(call: Call, signal: AbortSignal, calls: Set<Entered>): Promise<void> {
    return new Promise((resolve) => {
      const { begin } = call;
      const hasNext = (): boolean => !signal.aborted && call.hasNext();
      const end = (): void => {
        forget();
        calls.delete(entered);
        resolve();
      };
      const entered: Entered = { hasNext, begin, end, running: 0 };
      const forget = onAbort(signal, () => {
        this.endIfOver(entered);
      });
      calls.add(entered);
      this.fill();
      this.endIfOver(entered);
    });
  }

  /**
   * Does one piece of work when the pool has a free place: at once if it has one now.
   *
   * @throws what the work threw, or the signal's reason if the work did not begin
   */
  async run<T>(work: () => Promise<T>, signal: AbortSignal = NEVER): Promise<T> {
    let result: Promise<T> | undefined;
    let isBegun = false;
    const begin = (done: () => void): void => {
      isBegun = true;
      result = (async () => work())();
      result.then(done, done);
    };
    await this.work({ hasNext: () => !isBegun, begin }, signal);
    if (result === undefined) throw signal.reason;
    return result;
  }

  get inProgress(): number {
    return this.inUse;
  }

  private fill(): void {
    for (const calls of [this.urgentCalls, this.calls])
      for (const call of calls) {
        while (call.hasNext()) {
          if (this.inUse >= this.size()) {
            this.onFull();
            return;
          }
          this.begin(call);
        }
      }
  }

  private begin(call: Entered): void {
    this.inUse += 1;
    call.running += 1;
    call.begin(() => {
      this.inUse -= 1;
      call.running -= 1;
      this.fill();
      this.endIfOver(call);
    });
  }

  private endIfOver(call: Entered): void {
    if (call.running === 0 && !call.hasNext()) call.end();
  }
}

/** Gives the next item. Items in progress may add others. */
export interface Source<T> {
  readonly size: number;
  shift: () => T | undefined;
}

/**
 * Runs the work for all items of a source. After the first failure or an abort no further item begins; items in progress
 * get an abort, and are waited for. Nothing continues in the background when this function has ended.
 *
 * @param pool shared with other calls, or the most items of this call in progress
 * @throws the first failure, or the signal's reason if it kept an item from beginning
 */
export async function forAllOf<T>(
  source: Source<T>,
  signal: AbortSignal,
  work: (item: T, signal: AbortSignal) => Promise<void>,
  pool: Pool | number = DEFAULT_PARALLEL_ITEMS,
): Promise<void> {
  const stop = new AbortController();
  const either = forManyRequests(AbortSignal.any([signal, stop.signal]));
  const failures: unknown[] = [];
  const hasNext = (): boolean => source.size > 0;
  const begin = (done: () => void): void => {
    work(source.shift() as T, either).then(done, (error: unknown) => {
      failures.push(error);
      stop.abort();
      done();
    });
  };
  const shared = typeof pool === 'number' ? new WorkPool(() => pool) : pool;
  await shared.work({ hasNext, begin }, either);
  if (failures.length > 0) throw failures[0];
  if (hasNext()) throw signal.reason;
}

/** Like {@link forAllOf} for all items, beginning in their order. Returns the results in that order. */
export async function inParallel<T, R>(
  items: readonly T[],
  signal: AbortSignal,
  work: (item: T, signal: AbortSignal) => Promise<R>,
  pool: Pool | number = DEFAULT_PARALLEL_ITEMS,
): Promise<R[]> {
  const results = new Array<R>(items.length);
  let next = 0;
  const positions: Source<number> = {
    get size() {
      return items.length - next;
    },
    shift: () => next++,
  };
  const workAt = async (at: number, stop: AbortSignal): Promise<void> => {
    results[at] = await work(items[at] as T, stop);
  };
  await forAllOf(positions, signal, workAt, pool);
  return results;
}

/** A queue of groups that take turns: a huge mount does not hold up the small ones. */
export class FairQueue<T> implements Source<T> {
  private readonly groups = new Map<string, Queue<T>>();
  private count = 0;

  get size(): number {
    return this.count;
  }

  push(group: string, item: T): void {
    const queue = this.groups.get(group) ?? new Queue<T>();
    this.groups.set(group, queue);
    queue.enqueue(item);
    this.count += 1;
  }

  /** Takes the oldest item of the next group; undefined if the queue is empty. */
  shift(): T | undefined {
    const next = this.groups.entries().next();
    if (next.done === true) return undefined;
    const [group, queue] = next.value;
    const item = queue.dequeue();
    this.groups.delete(group);
    // The group goes behind all the others.
    if (queue.size > 0) this.groups.set(group, queue);
    this.count -= 1;
    return item;
  }
}

/** Sorts items so that groups take turns. Those of one group keep their order. */
export function inTurn<T>(items: readonly T[], groupOf: (item: T) => string): T[] {
  const queue = new FairQueue<T>();
  for (const item of items) queue.push(groupOf(item), item);
  return items.map(() => queue.shift() as T);
}
