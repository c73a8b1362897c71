import { MAX_VAULT_REQUESTS } from '../limits';

/** Where the search begins: some that hang do not keep the others waiting. */
const FIRST_LEVEL = 16;

/** So few do not burden any Vault: how long they take is the way there and the work, and no waiting. */
const FEW = 4;

/** Answers after which the level is looked at, at the least: enough for a mean that means something. */
const LEAST_ANSWERS = 8;

/** A rise by less is not worth a thought, in milliseconds: a Vault nearby answers in less than one. */
const SLACK_MS = 10;

/** Rise of the latency, in multiples of its lowest (or of the slack), up to which there may be more; above, half as many. */
const HOLDS = 1;
const RISES = 2;

/** Rise from a part of the level to the whole that is too much. It is 1 / PROBE - 1 where the Vault was busy with that part already. */
const TOO_MUCH = 1.5;

/** Latencies count as so many times the lowest (or the slack) above it at the most: one huge folder is no busy Vault. */
const MOST_RISE = 4;

/** Part of the level by which it grows at a time, once it has met a rise for the first time; before, it doubles. */
const STEP = 1 / 8;

/**
 * Looks after which the lowest latency is measured anew, with fewer in flight: the network may have changed. Also after
 * the first rise, and each time that it was too much.
 */
const LOOKS = 100;

/** Part of the level that is left to measure the lowest latency. Not next to nothing: a few may hang at that time. */
const PROBE = 1 / 4;

/** A level, and what was seen of it. */
interface Before {
  level: number;
  meanMs: number;
  /** The latency has risen far above the lowest that was known. */
  hasRisen: boolean;
}

/**
 * Finds how many requests a Vault takes at the same time: more as long as its latency holds, fewer when it rises, half
 * when it says that it is too much. Knows no clock.
 */
export class Level {
  private level: number;
  private step = 1;
  private lowestMs = Infinity;
  private looks = 0;
  /** While the lowest latency is measured. */
  private before: Before | undefined;
  private answers = 0;
  private sumMs = 0;
  /** Answers to come that belong to the level before. */
  private stale = 0;
  private wasFull = false;

  /** @param cap never more than so many */
  constructor(private readonly cap = MAX_VAULT_REQUESTS) {
    this.level = Math.min(FIRST_LEVEL, cap);
  }

  /** Requests in flight at the most: a whole number from 1. */
  get value(): number {
    return Math.max(1, Math.floor(this.level));
  }

  /** Others had to wait: only then does the latency say something about the level. */
  full(): void {
    this.wasFull = true;
  }

  answered(latencyMs: number): void {
    if (this.stale > 0) {
      this.stale -= 1;
      return;
    }
    this.answers += 1;
    this.sumMs += Math.min(latencyMs, this.lowestMs + MOST_RISE * Math.max(this.lowestMs, SLACK_MS));
    // Those of two rounds.
    if (this.answers < Math.max(LEAST_ANSWERS, 2 * this.value)) return;
    const meanMs = this.sumMs / this.answers;
    if (this.before === undefined) {
      this.look(meanMs);
      return;
    }
    this.lowestMs = meanMs;
    this.probed(this.before);
  }

  /**
   * The Vault says that it is too much.
   *
   * @param inFlight requests that it had
   */
  tooMuch(inFlight: number): void {
    this.step = STEP;
    this.before = undefined;
    this.change(Math.max(1, Math.min(this.level, inFlight) / 2));
  }

  private look(meanMs: number): void {
    this.lowestMs = this.level <= FEW ? meanMs : Math.min(this.lowestMs, meanMs);
    this.looks += 1;
    const rise = this.riseTo(meanMs);
    if (this.level > FEW && (this.looks >= LOOKS || rise > RISES)) {
      this.before = { level: this.level, meanMs, hasRisen: rise > RISES };
      this.change(Math.max(FEW, this.level * PROBE));
    } else if (rise <= HOLDS && this.wasFull) this.grow();
    else this.change(this.level);
    if (rise > HOLDS && this.step > STEP) {
      this.step = STEP;
      this.looks = LOOKS;
    }
  }

  /**
   * The lowest latency is known anew. A level far above it is halved: it was too much already when the lowest was
   * measured, or it is by now, for whatever reason.
   */
  private probed({ level, meanMs, hasRisen }: Before): void {
    const isTooMuch = this.riseTo(meanMs) > TOO_MUCH;
    this.before = undefined;
    this.looks = isTooMuch ? LOOKS : 0;
    this.change(Math.max(FEW, isTooMuch || hasRisen ? level / 2 : level));
  }

  private grow(): void {
    this.change(Math.min(this.cap, this.level + Math.max(1, this.level * this.step)));
  }

  private riseTo(meanMs: number): number {
    return (meanMs - this.lowestMs) / Math.max(this.lowestMs, SLACK_MS);
  }

  private change(level: number): void {
    this.stale = level === this.level ? 0 : this.value;
    this.level = level;
    this.answers = 0;
    this.sumMs = 0;
    this.wasFull = false;
  }
}
