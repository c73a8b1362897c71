import { FairQueue } from '../concurrency/fair-queue';
import { AdaptiveLimit } from '../concurrency/adaptive-limit';
import { onAbort } from '../concurrency/abort';
import {
  FIRST_QUOTA_PAUSE_MS,
  OVERLOAD_ONCE_PER_MS,
  MAX_QUOTA_PAUSE_MS,
  MAX_SLOW_LISTS,
  QUOTA_BLOCKED_AFTER_MS,
  READ_TURN_EVERY,
} from '../limits';

/**
 * What became of a request that had its turn: `answered` after so many milliseconds, `throttled` by a quota (429),
 * `passed`: there was an answer, which says that no quota is in the way, and nothing about how much the Vault can take,
 * or `silent`: it says nothing.
 */
export type Passage =
  | { kind: 'answered'; latencyMs: number }
  | { kind: 'throttled'; retryAfterMs?: number | undefined }
  | { kind: 'passed' }
  | { kind: 'silent' };

/** Nothing but 429 came for long. */
export class BlockedError extends Error {
  override readonly name = 'BlockedError';
}

/** How a request asks for its turn. */
export interface Entry {
  signal?: AbortSignal | undefined;
  /** A write: it goes before what only reads, but for each fourth turn, because what it was decided from grows old while it waits. */
  isUrgent?: boolean;
}

interface Waiter {
  go: () => void;
  giveUp: (reason: Error) => void;
  /** It was cancelled. */
  isGone: boolean;
}

/**
 * Gives the requests to one Vault their turns: so many at the same time as it takes well (its {@link AdaptiveLimit}), each
 * group as often as the others. After a 429 all of them pause, then one goes first, and when it was answered the others
 * follow, fewer at the same time than before.
 */
export class Turns {
  private inFlight = 0;
  /** In flight too, but they have given way. */
  private slow = 0;
  private pausedUntilMs = 0;
  /** Pauses in a row, without an answer that is no 429. */
  private pauses = 0;
  private blockedSinceMs = Infinity;
  private tooMuchMs = -Infinity;
  /** Turns that were given so far. */
  private given = 0;
  private readonly urgent = new FairQueue<Waiter>();
  private readonly waiting = new FairQueue<Waiter>();
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly level = new AdaptiveLimit()) {}

  /**
   * Waits for the turn of one request. Whoever had it calls {@link leave}.
   *
   * @param groupOf each group has its turn, however many of another wait: a mount. Asked only if it has to wait
   * @returns undefined if there is nothing to wait for
   * @throws the signal's reason, or BlockedError
   */
  enter({ signal, isUrgent = false }: Entry = {}, groupOf = (): string => ''): Promise<void> | undefined {
    if (signal?.aborted !== true && this.count === 0 && this.isOpenAt(Date.now())) {
      this.inFlight += 1;
      return undefined;
    }
    return new Promise<void>((resolve, reject) => {
      signal?.throwIfAborted();
      const waiter: Waiter = {
        go: () => {
          forget?.();
          resolve();
        },
        giveUp: (reason) => {
          forget?.();
          reject(reason);
        },
        isGone: false,
      };
      const forget =
        signal &&
        onAbort(signal, (reason) => {
          waiter.isGone = true;
          waiter.giveUp(reason);
          this.letGo();
        });
      (isUrgent ? this.urgent : this.waiting).push(groupOf(), waiter);
      this.letGo();
    });
  }

  /** How many have their turn at the same time, if no 429 is waited for. */
  get atOnce(): number {
    return this.level.value;
  }

  /** There would be more to send, which is kept back until {@link atOnce} has grown. */
  reportDemand(): void {
    this.level.reportDemand();
  }

  /** For so long nothing but 429 came that waiting makes no sense any more. */
  get isBlocked(): boolean {
    return Date.now() - this.blockedSinceMs >= QUOTA_BLOCKED_AFTER_MS;
  }

  /**
   * A request that has its turn takes long: another one has its turn meanwhile, unless there are too many such. So more
   * requests are in flight than {@link atOnce} says: by as many as have given way.
   *
   * @param most that may give way at the same time
   * @returns whether it did; then {@link leave} has to be told
   */
  giveWay(most = MAX_SLOW_LISTS): boolean {
    if (this.slow >= Math.min(most, MAX_SLOW_LISTS)) return false;
    this.slow += 1;
    this.inFlight -= 1;
    this.letGo();
    return true;
  }

  /**
   * A request is over.
   *
   * @param gaveWay it has given way before
   * @returns how many others have given up, because nothing passes
   */
  leave(passage: Passage, gaveWay = false): number {
    if (gaveWay) this.slow -= 1;
    else this.inFlight -= 1;
    const gaveUp = passage.kind === 'throttled' ? this.pause(passage.retryAfterMs) : 0;
    if (passage.kind === 'answered' || passage.kind === 'passed') {
      this.pauses = 0;
      this.blockedSinceMs = Infinity;
    }
    if (passage.kind === 'answered') this.level.answered(passage.latencyMs);
    this.letGo();
    return gaveUp;
  }

  /** The Vault says that it cannot serve now. All that say so in the same second count once. */
  tooMuch(): void {
    if (Date.now() - this.tooMuchMs < OVERLOAD_ONCE_PER_MS) return;
    this.tooMuchMs = Date.now();
    this.level.overloaded(this.inFlight);
  }

  /** How many wait. */
  private get count(): number {
    return this.urgent.size + this.waiting.size;
  }

  /** Takes the one whose turn it is out of its queue; those that were cancelled are forgotten. */
  private next(): Waiter | undefined {
    for (;;) {
      this.given += 1;
      // Without end, where several syncs copy at the same time, writes would leave no turn for anything else.
      const [first, second] =
        this.given % READ_TURN_EVERY === 0 ? [this.waiting, this.urgent] : [this.urgent, this.waiting];
      const waiter = first.shift() ?? second.shift();
      if (waiter?.isGone !== true) return waiter;
    }
  }

  private isOpenAt(nowMs: number): boolean {
    if (this.pausedUntilMs > nowMs) return false;
    return this.inFlight < (this.pauses > 0 ? 1 : this.level.value);
  }

  private pause(retryAfterMs: number | undefined): number {
    const nowMs = Date.now();
    // The others that were in flight: it is the same pause, which may have to be longer.
    const isSame = this.pausedUntilMs > nowMs;
    if (!isSame) {
      this.level.overloaded(this.inFlight + 1);
      this.blockedSinceMs = Math.min(this.blockedSinceMs, nowMs);
      this.pauses += 1;
    }
    const ownMs = isSame ? 0 : FIRST_QUOTA_PAUSE_MS * 2 ** (this.pauses - 1);
    this.pausedUntilMs = Math.max(
      this.pausedUntilMs,
      nowMs + Math.min(retryAfterMs ?? ownMs, MAX_QUOTA_PAUSE_MS),
    );
    if (!this.isBlocked) return 0;
    let others = 0;
    for (let waiter = this.next(); waiter !== undefined; waiter = this.next()) {
      waiter.giveUp(new BlockedError());
      others += 1;
    }
    return others;
  }

  /** Lets those go whose turn it is, and wakes up when the pause is over. Without anybody waiting there is no timer. */
  private letGo(): void {
    // Read once: if the pause ended between two readings, the first would let nobody go and the second set no timer.
    const nowMs = Date.now();
    while (this.count > 0 && this.isOpenAt(nowMs)) {
      const waiter = this.next();
      if (waiter === undefined) break;
      this.inFlight += 1;
      waiter.go();
    }
    if (this.count > 0) this.level.reportDemand();
    clearTimeout(this.timer);
    this.timer = undefined;
    const pauseMs = this.pausedUntilMs - nowMs;
    if (this.count > 0 && pauseMs > 0) this.timer = setTimeout(this.letGo.bind(this), pauseMs);
  }
}
