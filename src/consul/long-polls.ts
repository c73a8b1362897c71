import { onAbort, orAborted } from '../concurrency/abort';
import { MAX_CONSUL_POLLS, POLLS_CROWDED_MS, POLL_TURN_MS } from '../limits';

/**
 * Sends one blocking query.
 *
 * @param waitMs how long Consul waits for a change
 */
export type Poll<T> = (waitMs: number, signal: AbortSignal) => Promise<T>;

interface Shared {
  answer: Promise<unknown>;
  /** Callers that wait for its answer. */
  callers: number;
  stop: AbortController;
}

/** A query in flight with its whole wait. */
interface Long {
  /** Ends it, because another query needs its place; it begins again later. */
  giveWay: () => void;
}

/**
 * The blocking queries of a process to one Consul agent. Callers that wait for the same key share one query. At most
 * {@link MAX_CONSUL_POLLS} are in flight; more take turns, and notice a change some seconds later.
 */
export class LongPolls {
  private readonly shared = new Map<string, Shared>();
  /** In flight with their whole wait. */
  private readonly long = new Set<Long>();
  /** In the order of their calls. */
  private readonly waiting = new Set<() => void>();
  private underWay = 0;
  private crowdedUntilMs = -Infinity;

  /**
   * Waits for the answer of a query.
   *
   * @param id calls with the same id wait for the same key, from the same index on
   * @throws what the query threw, or the signal's reason
   */
  async wait<T>(id: string, waitMs: number, poll: Poll<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    const shared = this.shared.get(id) ?? this.begin(id, waitMs, poll);
    shared.callers += 1;
    try {
      return (await orAborted(shared.answer, signal)) as T;
    } finally {
      shared.callers -= 1;
      if (shared.callers === 0) {
        if (this.shared.get(id) === shared) this.shared.delete(id);
        shared.stop.abort();
      }
    }
  }

  private begin<T>(id: string, waitMs: number, poll: Poll<T>): Shared {
    const stop = new AbortController();
    const answer = this.run(waitMs, poll, stop.signal).finally(() => {
      if (this.shared.get(id)?.stop === stop) this.shared.delete(id);
    });
    // Its callers may have left by then.
    answer.catch(() => undefined);
    const shared = { answer, callers: 0, stop };
    this.shared.set(id, shared);
    return shared;
  }

  private async run<T>(waitMs: number, poll: Poll<T>, signal: AbortSignal): Promise<T> {
    for (;;) {
      const entered = this.enter(signal);
      // Without a wait no await: the next caller must find this query among those that can give way.
      if (entered !== undefined) await entered;
      const isLong = Date.now() >= this.crowdedUntilMs;
      const turn = new AbortController();
      const long = { giveWay: turn.abort.bind(turn) };
      if (isLong) this.long.add(long);
      try {
        signal.throwIfAborted();
        const either = AbortSignal.any([signal, turn.signal]);
        return await poll(isLong ? waitMs : Math.min(waitMs, POLL_TURN_MS), either);
      } catch (error) {
        if (signal.aborted || !turn.signal.aborted) throw error;
      } finally {
        this.long.delete(long);
        this.leave();
      }
    }
  }

  private enter(signal: AbortSignal): Promise<void> | undefined {
    if (this.underWay < MAX_CONSUL_POLLS) {
      this.underWay += 1;
      return undefined;
    }
    this.crowdedUntilMs = Date.now() + POLLS_CROWDED_MS;
    for (const { giveWay } of this.long) giveWay();
    this.long.clear();
    return new Promise((resolve, reject) => {
      const go = (): void => {
        forget();
        resolve();
      };
      this.waiting.add(go);
      const forget = onAbort(signal, (reason) => {
        this.waiting.delete(go);
        reject(reason);
      });
    });
  }

  private leave(): void {
    const [next] = this.waiting;
    if (next === undefined) {
      this.underWay -= 1;
      return;
    }
    // The place goes to the next one.
    this.waiting.delete(next);
    next();
  }
}
