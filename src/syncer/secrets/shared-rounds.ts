import { setTimeout as sleep } from 'node:timers/promises';
import { orAborted } from '../../concurrency/abort';
import { SHARED_ROUND_WAIT_MS } from '../limits';

/** Does the work of one round. The signal is aborted when nobody waits for its answer any more. */
export type Work<T> = (signal: AbortSignal) => Promise<T>;

/**
 * Rounds of equal questions. A question never joins a round that has begun: the secret may have been written since. It
 * shares the next one with all that wait too. That begins when the one before has ended; or after a while, because a server
 * of the one before may be silent.
 */
export class SharedRounds<T> {
  /** The newest one that has begun and not ended, by question. */
  private readonly running = new Map<string, SharedRound<T>>();
  private readonly waiting = new Map<string, SharedRound<T>>();

  /** @throws the signal's reason, also while others still wait for the answer */
  async ask(key: string, work: Work<T>, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    const waiting = this.waiting.get(key);
    if (waiting?.isAbandoned === false) return waiting.join(signal);
    const before = this.running.get(key);
    const round = new SharedRound(work);
    const answer = round.join(signal);
    if (before === undefined) this.begin(key, round);
    else void this.beginAfter(before, key, round);
    return answer;
  }

  private async beginAfter(before: SharedRound<T>, key: string, round: SharedRound<T>): Promise<void> {
    this.waiting.set(key, round);
    await Promise.race([before.ended, sleep(SHARED_ROUND_WAIT_MS)]);
    if (this.waiting.get(key) === round) this.waiting.delete(key);
    this.begin(key, round);
  }

  private begin(key: string, round: SharedRound<T>): void {
    this.running.set(key, round);
    round.begin();
    void round.ended.then(() => {
      if (this.running.get(key) === round) this.running.delete(key);
    });
  }
}

/** One round, and the questions that wait for its answer. */
class SharedRound<T> {
  /** Resolves with its end, also that without an answer. */
  readonly ended: Promise<void>;
  private readonly answer: Promise<T>;
  private readonly abandoned = new AbortController();
  private questions = 0;
  private resolve: (answer: Promise<T>) => void = () => undefined;

  constructor(private readonly work: Work<T>) {
    this.answer = new Promise((resolve) => (this.resolve = resolve));
    this.ended = this.answer.then(
      () => undefined,
      () => undefined,
    );
  }

  /** All its questions have gone. */
  get isAbandoned(): boolean {
    return this.abandoned.signal.aborted;
  }

  begin(): void {
    const { signal } = this.abandoned;
    this.resolve(signal.aborted ? Promise.reject(signal.reason as Error) : this.work(signal));
  }

  async join(signal: AbortSignal): Promise<T> {
    this.questions += 1;
    try {
      return await orAborted(this.answer, signal);
    } finally {
      this.questions -= 1;
      if (this.questions === 0) this.abandoned.abort();
    }
  }
}
