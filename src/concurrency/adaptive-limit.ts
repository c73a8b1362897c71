import { MAX_VAULT_REQUESTS } from '../limits';

/*
 * How many requests a Vault should get at the same time: more while its latency stays the same, fewer when the latency
 * rises, half when the Vault reports overload. RequestQueue (vault/request-queue.ts) reports each latency and keeps the
 * limit. One round is two times as many answers as the limit; a mean of fewer is not reliable. The constants were found
 * by measurement.
 */

/** Where the search begins: enough that some requests that hang do not hold up the others. */
const FIRST_LIMIT = 16;
/** With this few requests in flight nothing queues in Vault: the latency is network time plus service time. */
const UNLOADED = 4;
/** Fewest answers of a round: enough for a useful mean. */
const MIN_ANSWERS = 8;
/** A smaller rise of the latency does not count: a Vault nearby answers in less than a millisecond. */
const SLACK_MS = 10;
/** Rise of the latency, in multiples of its lowest value (or of the slack). Up to CALM the limit may grow. */
const CALM = 1;
/** Above this rise the lowest latency is measured again, and the limit is halved. */
const BUSY = 2;
/** Rise from a part of the limit to the whole limit that is too much. Where the part kept the Vault busy it is 1 / PROBE - 1. */
const TOO_MUCH = 1.5;
/** A latency counts as at most this rise: one huge folder does not mean a busy Vault. */
const MAX_RISE = 4;

/** Part of the limit by which it grows after the first rise. Before, it doubles. */
const STEP = 1 / 8;
/** Rounds after which the lowest latency is measured again: the network may have changed. Also after a rise that was too much. */
const ROUNDS = 100;
/** Part of the limit that stays to measure the lowest latency. Not close to zero: some requests may hang meanwhile. */
const PROBE = 1 / 4;

/** The limit before a probe, and its latency. */
interface Before {
  limit: number;
  meanMs: number;
  /** The latency has risen far above the lowest that was known. */
  isBusy: boolean;
}

/** See the top of this file. Uses no clock. */
export class AdaptiveLimit {
  private limit: number;
  private step = 1;
  private lowestMs = Infinity;
  private rounds = 0;
  /** Set while the lowest latency is measured. */
  private before: Before | undefined;
  private answers = 0;
  private sumMs = 0;
  /** Coming answers that belong to the limit before. */
  private stale = 0;
  private hadDemand = false;

  constructor(private readonly cap = MAX_VAULT_REQUESTS) {
    this.limit = Math.min(FIRST_LIMIT, cap);
  }

  /** Most requests in flight: a whole number from 1. */
  get value(): number {
    return Math.max(1, Math.floor(this.limit));
  }

  /** Requests had to wait for this limit. Only then does the latency belong to the whole limit. */
  reportDemand(): void {
    this.hadDemand = true;
  }

  answered(latencyMs: number): void {
    if (this.stale > 0) {
      this.stale -= 1;
      return;
    }
    this.answers += 1;
    this.sumMs += Math.min(latencyMs, this.lowestMs + MAX_RISE * Math.max(this.lowestMs, SLACK_MS));
    if (this.answers < Math.max(MIN_ANSWERS, 2 * this.value)) return;
    const meanMs = this.sumMs / this.answers;
    if (this.before === undefined) {
      this.endRound(meanMs);
      return;
    }
    this.lowestMs = meanMs;
    this.endProbe(this.before);
  }

  /** The Vault reported overload, with so many requests in flight. */
  overloaded(inFlight: number): void {
    this.step = STEP;
    this.before = undefined;
    this.change(Math.max(1, Math.min(this.limit, inFlight) / 2));
  }

  private endRound(meanMs: number): void {
    this.lowestMs = this.limit <= UNLOADED ? meanMs : Math.min(this.lowestMs, meanMs);
    this.rounds += 1;
    const rise = this.riseTo(meanMs);
    if (this.limit > UNLOADED && (this.rounds >= ROUNDS || rise > BUSY)) {
      this.before = { limit: this.limit, meanMs, isBusy: rise > BUSY };
      this.change(Math.max(UNLOADED, this.limit * PROBE));
    } else if (rise <= CALM && this.hadDemand) this.grow();
    else this.change(this.limit);
    if (rise > CALM && this.step > STEP) {
      this.step = STEP;
      this.rounds = ROUNDS;
    }
  }

  /**
   * The lowest latency was measured again. A limit whose latency is far above it is halved: it was too high when the
   * lowest latency was measured before, or it is by now.
   */
  private endProbe({ limit, meanMs, isBusy }: Before): void {
    const isTooMuch = this.riseTo(meanMs) > TOO_MUCH;
    this.before = undefined;
    this.rounds = isTooMuch ? ROUNDS : 0;
    this.change(Math.max(UNLOADED, isTooMuch || isBusy ? limit / 2 : limit));
  }

  private grow(): void {
    this.change(Math.min(this.cap, this.limit + Math.max(1, this.limit * this.step)));
  }

  private riseTo(meanMs: number): number {
    return (meanMs - this.lowestMs) / Math.max(this.lowestMs, SLACK_MS);
  }

  private change(limit: number): void {
    this.stale = limit === this.limit ? 0 : this.value;
    this.limit = limit;
    this.answers = 0;
    this.sumMs = 0;
    this.hadDemand = false;
  }
}
