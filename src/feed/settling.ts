import {
  FEED_RECORD_GAP_MS,
  FEED_RECORD_WAIT_MS,
  FEED_SETTLE_MOST_MS,
  FEED_SETTLE_MS,
  FEED_TRIGGER_GAP_MS,
} from '../limits';

export interface SettlingOptions {
  /** Writes the receiver's record, if it has to. Throws if Consul did not take it. @returns time until it has to again */
  record: () => Promise<number>;
  /** Whether a cycle still has something to do for this receiver. */
  isNeeded: () => boolean;
  /** Starts a cycle through the schedule. @returns undefined if it did, or the pause before it may be tried again */
  trigger: () => Promise<number | undefined>;
  /** A write of the record failed. */
  onUnrecorded: (error: unknown) => void;
  /** A clock that nobody sets back. */
  now?: () => number;
}

/**
 * When the record is written and a cycle is triggered. First the record, then the trigger: the cycle finds what it was
 * started for. Whatever fails is repeated, and nothing is forgotten meanwhile. The next tick would find it too.
 *
 * The record does not wait for the trigger, because another process finds what is in it after this one was killed.
 */
export class Settling {
  private recordAtMs = Infinity;
  private recordedMs = -Infinity;
  private triggerAtMs = Infinity;
  /** When the first hint arrived that no trigger followed yet. */
  private firstHintMs: number | undefined;
  private triggeredMs = -Infinity;
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> | undefined;
  private isUrgent = false;
  /** In flight. */
  private pushes = 0;
  private isClosed = false;
  private readonly now: () => number;

  constructor(private readonly options: SettlingOptions) {
    this.now = options.now ?? (() => performance.now());
  }

  /** After a hint: the record, and a cycle after the last hint and the last push, so that one settles a burst. */
  soon(): void {
    this.recordSoon();
    this.firstHintMs ??= this.now();
    this.waitForQuiet();
  }

  /** A cycle that runs beside pushes reads the same secrets, and slows them down. It waits, unless something is urgent. */
  pushBegan(): void {
    this.pushes += 1;
    this.waitForQuiet();
  }

  pushEnded(): void {
    this.pushes -= 1;
    this.waitForQuiet();
  }

  /** Each further hint, and each push, moves the trigger back. */
  private waitForQuiet(): void {
    if (this.firstHintMs === undefined || this.isUrgent) return;
    const latestMs = this.firstHintMs + FEED_SETTLE_MOST_MS;
    this.triggerAtMs = this.pushes > 0 ? latestMs : Math.min(this.now() + FEED_SETTLE_MS, latestMs);
    this.plan();
  }

  /** Something needs a cycle now. */
  atOnce(): void {
    this.isUrgent = true;
    this.triggerAtMs = Math.min(this.triggerAtMs, this.now());
    this.plan();
  }

  /** Only the record. Two of them have a least distance. */
  recordSoon(): void {
    const atMs = Math.max(this.now() + FEED_RECORD_WAIT_MS, this.recordedMs + FEED_RECORD_GAP_MS);
    this.recordAtMs = Math.min(this.recordAtMs, atMs);
    this.plan();
  }

  async close(): Promise<void> {
    this.isClosed = true;
    clearTimeout(this.timer);
    await this.running;
  }

  /** When a trigger is due; two of them have a least distance. */
  private get nextTriggerMs(): number {
    return Math.max(this.triggerAtMs, this.triggeredMs + FEED_TRIGGER_GAP_MS);
  }

  private plan(): void {
    if (this.isClosed || this.running !== undefined) return;
    clearTimeout(this.timer);
    const atMs = Math.min(this.recordAtMs, this.nextTriggerMs);
    if (atMs === Infinity) return;
    const begin = (): void => {
      this.running = this.work().finally(() => {
        this.running = undefined;
        this.plan();
      });
    };
    this.timer = setTimeout(begin, Math.max(0, atMs - this.now()));
    this.timer.unref();
  }

  /** Does what is due. What arrives from its begin on is planned anew. */
  private async work(): Promise<void> {
    const { record, isNeeded, trigger, onUnrecorded } = this.options;
    const isRecordDue = this.recordAtMs <= this.now();
    const isTriggerDue = this.nextTriggerMs <= this.now();
    if (isTriggerDue) {
      this.triggerAtMs = Infinity;
      this.firstHintMs = undefined;
      this.isUrgent = false;
    }
    const wantsTrigger = isTriggerDue && isNeeded();
    if (!wantsTrigger && !isRecordDue) return;
    this.recordedMs = this.now();
    this.recordAtMs = Infinity;
    try {
      const againMs = await record();
      this.recordAtMs = Math.min(this.recordAtMs, this.now() + againMs);
    } catch (error) {
      onUnrecorded(error);
      this.again(FEED_RECORD_GAP_MS, wantsTrigger);
      return;
    }
    // Consul may have answered that a cycle has handled everything.
    if (!wantsTrigger || !isNeeded()) return;
    const pauseMs = await trigger();
    if (pauseMs === undefined) this.triggeredMs = this.now();
    else this.again(pauseMs, true);
  }

  private again(pauseMs: number, withTrigger: boolean): void {
    const atMs = this.now() + pauseMs;
    this.recordAtMs = Math.min(this.recordAtMs, atMs);
    if (!withTrigger) return;
    this.firstHintMs ??= this.now();
    this.triggerAtMs = Math.min(this.triggerAtMs, atMs);
  }
}
