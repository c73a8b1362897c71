/** First pause after a 429 that does not say how long to wait, and the longest. It doubles with each 429 in a row. */
const FIRST_PAUSE_MS = 1_000;
const MOST_PAUSE_MS = 30_000;

/** After so long without anything but 429, nobody waits any more: shorter than the looks before the work of a cycle. */
const BLOCKED_AFTER_MS = 20_000;

/** So many in flight are as good as no limit. */
const WIDE = 64;

/** What became of a request that had its turn: `silent` says nothing about the quota. */
export type Passage = 'answered' | 'throttled' | 'silent';

/** Nothing but 429 came for long. */
export class BlockedError extends Error {
  override readonly name = 'BlockedError';
}

/** How a request asks for its turn. */
export interface Entry {
  signal?: AbortSignal | undefined;
  /** A write: it goes before all that only read, because what it was decided from grows old while it waits. */
  isUrgent?: boolean;
}

interface Waiter {
  isUrgent: boolean;
  go: () => void;
  giveUp: (reason: Error) => void;
}

/**
 * Keeps all requests to a Vault from running into its quota: after a 429 all of them pause, then one goes first, and
 * when it was answered the others follow, fewer at the same time than before.
 */
export class Quota {
  private inFlight = 0;
  /** Requests in flight at the most. Halved by a pause; grows with each answer. */
  private width = Infinity;
  private pausedUntilMs = 0;
  /** Pauses in a row, without an answer that is no 429. */
  private pauses = 0;
  private blockedSinceMs = Infinity;
  private waiting: Waiter[] = [];
  private timer: NodeJS.Timeout | undefined;

  /**
   * Waits for the turn of one request. Whoever had it calls {@link leave}.
   *
   * @throws the signal's reason, or BlockedError
   */
  async enter({ signal, isUrgent = false }: Entry = {}): Promise<void> {
    signal?.throwIfAborted();
    if (this.waiting.length === 0 && this.isOpen()) {
      this.inFlight += 1;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const forget = (): void => {
        signal?.removeEventListener('abort', onAbort);
      };
      const waiter: Waiter = {
        isUrgent,
        go: () => {
          forget();
          resolve();
        },
        giveUp: (reason) => {
          forget();
          reject(reason);
        },
      };
      const onAbort = (): void => {
        this.waiting = this.waiting.filter((other) => other !== waiter);
        waiter.giveUp(signal?.reason as Error);
        this.letGo();
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      const firstOther = isUrgent ? this.waiting.findIndex((other) => !other.isUrgent) : -1;
      this.waiting.splice(firstOther === -1 ? this.waiting.length : firstOther, 0, waiter);
      this.letGo();
    });
  }

  /** For so long nothing but 429 came that waiting makes no sense any more. */
  get isBlocked(): boolean {
    return Date.now() - this.blockedSinceMs >= BLOCKED_AFTER_MS;
  }

  /**
   * A request is over.
   *
   * @returns how many others have given up, because nothing passes
   */
  leave(passage: Passage, retryAfterMs?: number): number {
    this.inFlight -= 1;
    const gaveUp = passage === 'throttled' ? this.pause(retryAfterMs) : 0;
    if (passage === 'answered') this.widen();
    this.letGo();
    return gaveUp;
  }

  private isOpen(): boolean {
    if (this.pausedUntilMs > Date.now()) return false;
    return this.inFlight < (this.pauses > 0 ? 1 : Math.floor(this.width));
  }

  private widen(): void {
    this.pauses = 0;
    this.blockedSinceMs = Infinity;
    this.width += 1 / this.width;
    if (this.width > WIDE) this.width = Infinity;
  }

  private pause(retryAfterMs: number | undefined): number {
    const nowMs = Date.now();
    // The others that were in flight: it is the same pause, which may have to be longer.
    const isSame = this.pausedUntilMs > nowMs;
    if (!isSame) {
      this.width = Math.max(1, Math.min(this.width, this.inFlight + 1) / 2);
      this.blockedSinceMs = Math.min(this.blockedSinceMs, nowMs);
      this.pauses += 1;
    }
    const ownMs = isSame ? 0 : FIRST_PAUSE_MS * 2 ** (this.pauses - 1);
    this.pausedUntilMs = Math.max(this.pausedUntilMs, nowMs + Math.min(retryAfterMs ?? ownMs, MOST_PAUSE_MS));
    if (!this.isBlocked) return 0;
    const others = this.waiting.splice(0);
    for (const { giveUp } of others) giveUp(new BlockedError());
    return others.length;
  }

  /** Lets those go whose turn it is, and wakes up when the pause is over. Without anybody waiting there is no timer. */
  private letGo(): void {
    while (this.waiting.length > 0 && this.isOpen()) {
      this.inFlight += 1;
      this.waiting.shift()?.go();
    }
    clearTimeout(this.timer);
    this.timer = undefined;
    const pauseMs = this.pausedUntilMs - Date.now();
    if (this.waiting.length > 0 && pauseMs > 0) this.timer = setTimeout(this.letGo.bind(this), pauseMs);
  }
}
