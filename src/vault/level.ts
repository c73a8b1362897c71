/** Where the search begins: some that hang do not keep the others waiting. */
const FIRST_LEVEL = 16;

/** Where it ends: a Vault's own CPUs are busy long before. */
export const MOST_LEVEL = 128;

/** So few do not burden any Vault: how long they take is the way there and the work, and no waiting. */
const FEW = 4;

/** Answers after which the level is looked at: of two rounds, and enough for a mean that means something. */
const LEAST_ANSWERS = 32;

/** A rise by less is not worth a thought, in milliseconds: a Vault nearby answers in less than one. */
const SLACK_MS = 10;

/** Rise of the latency, in multiples of its lowest (or of the slack), up to which there may be more; above, fewer. */
const HOLDS = 1;
const RISES = 3;

/** Part of the level by which it changes at a time, once it has met a rise for the first time; before, it doubles. */
const STEP = 1 / 8;

/** Looks after which the lowest latency is measured anew, with few in flight: the network may have changed. */
const LOOKS = 200;

/**
 * Finds how many requests a Vault takes at the same time: more as long as its latency holds, fewer when it rises, half
 * when it says that it is too much. Knows no clock.
 */
export class Level {
  private level: number;
  private step = 1;
  private lowestMs = Infinity;
  /** The first look finds out the lowest latency. */
  private looks = LOOKS - 1;
  /** The level to go on with, while the lowest latency is measured. */
  private resume: number | undefined;
  private answers = 0;
  private sumMs = 0;
  /** Answers to come that belong to the level before. */
  private stale = 0;
  private wasFull = false;

  /** @param cap never more than so many */
  constructor(private readonly cap = MOST_LEVEL) {
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
    this.sumMs += latencyMs;
    if (this.answers < Math.max(LEAST_ANSWERS, 2 * this.value)) return;
    const meanMs = this.sumMs / this.answers;
    if (this.resume !== undefined) {
      this.lowestMs = meanMs;
      this.change(this.resume);
      this.resume = undefined;
    } else this.look(meanMs);
  }

  /**
   * The Vault says that it is too much.
   *
   * @param inFlight requests that it had
   */
  tooMuch(inFlight: number): void {
    this.step = STEP;
    this.resume = undefined;
    this.change(Math.max(1, Math.min(this.level, inFlight) / 2));
  }

  private look(meanMs: number): void {
    this.lowestMs = this.level <= FEW ? meanMs : Math.min(this.lowestMs, meanMs);
    const rise = (meanMs - this.lowestMs) / Math.max(this.lowestMs, SLACK_MS);
    if (rise > HOLDS) this.step = STEP;
    const by = Math.max(1, this.level * this.step);
    this.looks += 1;
    if (this.looks % LOOKS === 0 && this.level > FEW) {
      this.resume = this.level;
      this.change(FEW);
    } else if (rise > RISES) this.change(Math.max(Math.min(FEW, this.level), this.level - by));
    else if (rise <= HOLDS && this.wasFull) this.change(Math.min(this.cap, this.level + by));
    else this.change(this.level);
  }

  private change(level: number): void {
    this.stale = level === this.level ? 0 : this.value;
    this.level = level;
    this.answers = 0;
    this.sumMs = 0;
    this.wasFull = false;
  }
}
