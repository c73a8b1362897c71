/** What one call has to do. */
export interface Call {
  /** There is an item that could be begun now; others may be found by those that were begun. */
  hasNext: () => boolean;
  /** Begins the next item, and calls `done` once when it is over. Does not throw. */
  begin: (done: () => void) => void;
}

interface Entered extends Call {
  running: number;
  end: () => void;
}

/**
 * Room for the items of several calls that are worked on at the same time. The oldest call has its items begun first:
 * if all of them had their turn, chunks that began together would also end together, and while the next ones are on
 * their way nothing would be in flight. An item must not wait for work in the same room: there may be none left.
 */
export class Room {
  private readonly calls = new Set<Entered>();
  private inUse = 0;

  /**
   * @param size how many items, at the most; asked each time, so it may change
   * @param onFull called when an item waits for room
   */
  constructor(
    private readonly size: () => number,
    private readonly onFull: () => void = () => undefined,
  ) {}

  /**
   * Does all the work of a call.
   *
   * @param signal what was not begun by then never is
   * @returns when all that was begun is over
   */
  work(call: Call, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const { begin } = call;
      const hasNext = (): boolean => !signal.aborted && call.hasNext();
      const onAbort = (): void => {
        this.endIfOver(entered);
      };
      const end = (): void => {
        signal.removeEventListener('abort', onAbort);
        this.calls.delete(entered);
        resolve();
      };
      const entered: Entered = { hasNext, begin, end, running: 0 };
      signal.addEventListener('abort', onAbort, { once: true });
      this.calls.add(entered);
      this.fill();
      this.endIfOver(entered);
    });
  }

  /**
   * Does one piece of work, when there is room for it.
   *
   * @throws what the work threw, or the signal's reason if it kept it from being begun
   */
  async run<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
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

  private fill(): void {
    for (const call of this.calls) {
      while (call.hasNext()) {
        if (this.inUse >= this.size()) {
          this.onFull();
          return;
        }
        this.inUse += 1;
        call.running += 1;
        call.begin(() => {
          this.inUse -= 1;
          call.running -= 1;
          this.fill();
          this.endIfOver(call);
        });
      }
    }
  }

  private endIfOver(call: Entered): void {
    if (call.running === 0 && !call.hasNext()) call.end();
  }
}
