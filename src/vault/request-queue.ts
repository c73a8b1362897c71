import { onAbort } from '../concurrency/abort';
import { AdaptiveLimit } from '../concurrency/adaptive-limit';
import { FairQueue } from '../concurrency/work-pool';
import {
  FIRST_QUOTA_PAUSE_MS,
  MAX_QUOTA_PAUSE_MS,
  MAX_SLOW_LISTS,
  OVERLOAD_ONCE_PER_MS,
  QUOTA_BLOCKED_AFTER_MS,
  READ_TURN_EVERY,
} from '../limits';

/*
 * The one queue in front of a Vault, for all clients of this process. A request is sent when three things allow it: the
 * adaptive limit of the Vault, the cap of its client (`numWorkers`), and no pause after a 429.
 *
 * The order: writes before reads, because a write becomes stale while it waits; but one place in four goes to a read, over
 * all clients and within each, so that writes do not starve the reads. Within both, clients take turns, and mounts take
 * turns within a client, so that a huge mount does not hold up a small one. After a pause one request goes first; when it
 * is answered the others follow, fewer at the same time than before.
 */

/** What became of a request that was sent. */
export type Passage =
  /** Its latency is a sample for the adaptive limit. */
  | { kind: 'answered'; latencyMs: number }
  /** A quota refused it (429). */
  | { kind: 'throttled'; retryAfterMs?: number | undefined }
  /** Answered, so no quota applies; not usable as a latency sample. Or silent: no information. */
  | { kind: 'passed' | 'silent' };

/** A quota has refused everything for {@link QUOTA_BLOCKED_AFTER_MS}. */
export class BlockedError extends Error {
  override readonly name = 'BlockedError';
}

/** The requests of one client: how many are in flight, and which ones wait. */
export class Lane {
  inFlight = 0;
  /** Writes that were sent since the last read of this client. */
  writesInRow = 0;
  readonly writes = new FairQueue<Waiter>();
  readonly reads = new FairQueue<Waiter>();

  /** @param cap most requests in flight; those that have given their place away do not count */
  constructor(readonly cap = Infinity) {}

  get hasPlace(): boolean {
    return this.inFlight < this.cap;
  }

  get waiting(): number {
    return this.writes.size + this.reads.size;
  }
}

export interface Entry {
  signal?: AbortSignal | undefined;
  isWrite?: boolean;
  /** That of its client. Without one the request has no cap: a login. */
  lane?: Lane | undefined;
}

interface Waiter {
  lane: Lane;
  /** Sends the request, or fails it. */
  end: (failure?: Error) => void;
  isCancelled: boolean;
}

/** See the top of this file. */
export class RequestQueue {
  private readonly uncapped = new Lane();
  /** Those with waiting requests. The next one to send from is the first. */
  private readonly lanes = new Set<Lane>();
  /** Requests that wait. The lanes keep cancelled ones until their turn. */
  private waiting = 0;
  private inFlight = 0;
  /** Also in flight, but they have given their place away. */
  private slow = 0;
  private pausedUntilMs = 0;
  /** Pauses in a row, without an answer in between that is not a 429. */
  private pauses = 0;
  private blockedSinceMs = Infinity;
  private overloadedMs = -Infinity;
  /** Places that were given so far. */
  private given = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly limit = new AdaptiveLimit()) {}

  /**
   * Waits until a request may be sent. The caller then calls {@link leave}.
   *
   * @param groupOf returns the mount; mounts take turns. Called only if the request has to wait
   * @returns undefined if it may be sent at once: a promise for each request would cost too much
   * @throws the signal's reason, or BlockedError
   */
  enter(entry: Entry = {}, groupOf = (): string => ''): Promise<void> | undefined {
    const { signal, isWrite = false, lane = this.uncapped } = entry;
    if (signal?.aborted !== true && this.lanes.size === 0 && lane.hasPlace && this.isOpenAt(Date.now())) {
      this.count(lane, 1);
      return undefined;
    }
    return new Promise<void>((resolve, reject) => {
      signal?.throwIfAborted();
      const end: Waiter['end'] = (failure) => {
        this.waiting -= 1;
        forget?.();
        if (failure === undefined) resolve();
        else reject(failure);
      };
      const waiter = { lane, end, isCancelled: false };
      const forget =
        signal &&
        onAbort(signal, (reason) => {
          waiter.isCancelled = true;
          end(reason);
          this.sendNext();
        });
      this.waiting += 1;
      (isWrite ? lane.writes : lane.reads).push(groupOf(), waiter);
      this.lanes.add(lane);
      this.sendNext();
    });
  }

  /** How many requests may be in flight, if the queue does not pause. */
  get atOnce(): number {
    return this.limit.value;
  }

  /** See {@link AdaptiveLimit.reportDemand}. */
  reportDemand(): void {
    this.limit.reportDemand();
  }

  /** A quota has refused everything for so long that waiting is useless. */
  get isBlocked(): boolean {
    return Date.now() - this.blockedSinceMs >= QUOTA_BLOCKED_AFTER_MS;
  }

  /** Gives the place of a slow request to another one, unless too many did. @returns `gaveWay` for {@link leave} */
  giveWay(lane = this.uncapped): boolean {
    if (this.slow >= Math.min(lane.cap, MAX_SLOW_LISTS)) return false;
    this.slow += 1;
    this.count(lane, -1);
    this.sendNext();
    return true;
  }

  /** @returns how many others have given up, because a quota refuses everything */
  leave(passage: Passage, lane = this.uncapped, gaveWay = false): number {
    if (gaveWay) this.slow -= 1;
    else this.count(lane, -1);
    const gaveUp = passage.kind === 'throttled' ? this.pause(passage.retryAfterMs) : 0;
    if (passage.kind === 'answered' || passage.kind === 'passed') {
      this.pauses = 0;
      this.blockedSinceMs = Infinity;
    }
    if (passage.kind === 'answered') this.limit.answered(passage.latencyMs);
    this.sendNext();
    return gaveUp;
  }

  /** The Vault answered that it cannot serve now. */
  overloaded(): void {
    if (Date.now() - this.overloadedMs < OVERLOAD_ONCE_PER_MS) return;
    this.overloadedMs = Date.now();
    this.limit.overloaded(this.inFlight);
  }

  private count(lane: Lane, begun: 1 | -1): void {
    lane.inFlight += begun;
    this.inFlight += begun;
  }

  /** Takes the next request out of one of the lanes that it may use. Cancelled ones are dropped. */
  private next(mayUse: (lane: Lane) => boolean): Waiter | undefined {
    for (;;) {
      const [first, second] = (this.given + 1) % READ_TURN_EVERY === 0 ? READS_FIRST : WRITES_FIRST;
      const waiter = this.shift(first, mayUse) ?? this.shift(second, mayUse);
      if (waiter?.isCancelled === true) continue;
      // Not counted where nothing may be sent: else the count could pass each turn of the reads.
      if (waiter !== undefined) this.given += 1;
      return waiter;
    }
  }

  private shift(kind: 'writes' | 'reads', mayUse: (lane: Lane) => boolean): Waiter | undefined {
    for (const lane of this.lanes) {
      if (lane[kind].size === 0 || !mayUse(lane)) continue;
      // One place in four also within a client: the places for reads of all clients may always meet the same one.
      const isReadDue = lane.reads.size > 0 && lane.writesInRow >= READ_TURN_EVERY - 1;
      const from = isReadDue ? 'reads' : kind;
      const waiter = lane[from].shift();
      if (waiter?.isCancelled === false) lane.writesInRow = from === 'writes' ? lane.writesInRow + 1 : 0;
      this.lanes.delete(lane);
      // The lane goes behind all the others.
      if (lane.waiting > 0) this.lanes.add(lane);
      return waiter;
    }
    return undefined;
  }

  private someLaneHasPlace(): boolean {
    for (const lane of this.lanes) if (lane.hasPlace) return true;
    return false;
  }

  private isOpenAt(nowMs: number): boolean {
    if (this.pausedUntilMs > nowMs) return false;
    return this.inFlight < (this.pauses > 0 ? 1 : this.limit.value);
  }

  private pause(retryAfterMs: number | undefined): number {
    const nowMs = Date.now();
    // Requests that were in flight together report one pause, which may have to be longer.
    const isSame = this.pausedUntilMs > nowMs;
    if (!isSame) {
      this.limit.overloaded(this.inFlight + 1);
      this.blockedSinceMs = Math.min(this.blockedSinceMs, nowMs);
      this.pauses += 1;
    }
    const ownMs = isSame ? 0 : FIRST_QUOTA_PAUSE_MS * 2 ** (this.pauses - 1);
    const pauseMs = Math.min(retryAfterMs ?? ownMs, MAX_QUOTA_PAUSE_MS);
    this.pausedUntilMs = Math.max(this.pausedUntilMs, nowMs + pauseMs);
    return this.isBlocked ? this.giveUpAll() : 0;
  }

  private giveUpAll(): number {
    let count = 0;
    for (let waiter = this.next(always); waiter !== undefined; waiter = this.next(always)) {
      waiter.end(new BlockedError());
      count += 1;
    }
    return count;
  }

  /** Sends what may be sent, and sets a timer for the end of a pause. Without a waiting request there is no timer. */
  private sendNext(): void {
    // Read once: if the pause ended between two reads, the first would send nothing and the second set no timer.
    const nowMs = Date.now();
    while (this.lanes.size > 0 && this.isOpenAt(nowMs)) {
      const waiter = this.next(hasPlace);
      if (waiter === undefined) break;
      this.count(waiter.lane, 1);
      waiter.end();
    }
    // A request that only the cap of its client holds back is not a demand for a higher limit.
    if (this.someLaneHasPlace()) this.limit.reportDemand();
    clearTimeout(this.timer);
    this.timer = undefined;
    const pauseMs = this.pausedUntilMs - nowMs;
    if (this.waiting > 0 && pauseMs > 0) this.timer = setTimeout(this.sendNext.bind(this), pauseMs);
  }
}

const WRITES_FIRST = ['writes', 'reads'] as const;
const READS_FIRST = ['reads', 'writes'] as const;
const hasPlace = (lane: Lane): boolean => lane.hasPlace;
const always = (): boolean => true;
