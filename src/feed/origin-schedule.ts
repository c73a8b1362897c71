import { ScheduleOverlapPolicy, type Client } from '@temporalio/client';
import { scheduleId } from '../contract/ids';
import { FEED_STATE_MS, PUSH_DEADLINE_MS } from '../limits';
import { ifThere } from '../temporal/schedule';

export type OriginScheduleState = 'running' | 'paused' | 'missing' | 'unknown';

/** The origin's schedule, as the receiver sees it: a pause applies to what the feed brings too. */
export class OriginSchedule {
  private asked: { atMs: number; state: Promise<OriginScheduleState> } | undefined;

  constructor(
    private readonly client: Client,
    private readonly name: string,
  ) {}

  /** At most a second old. Never throws. */
  state(): Promise<OriginScheduleState> {
    const nowMs = performance.now();
    if (this.asked === undefined || nowMs - this.asked.atMs >= FEED_STATE_MS)
      this.asked = { atMs: nowMs, state: this.ask() };
    return this.asked.state;
  }

  async isRunning(): Promise<boolean> {
    return (await this.state()) === 'running';
  }

  /** Starts a cycle, or one more after a running one; none on a paused schedule. Never throws. @returns whether it did */
  async trigger(): Promise<boolean> {
    // Temporal would run a trigger on a paused schedule too. The answer must be as fresh as it can be.
    this.asked = undefined;
    if (!(await this.isRunning())) return false;
    try {
      return (await this.ifInTime(() => this.handle.trigger(ScheduleOverlapPolicy.BUFFER_ONE))) !== undefined;
    } catch {
      return false;
    }
  }

  private async ask(): Promise<OriginScheduleState> {
    try {
      const found = await this.ifInTime(() => this.handle.describe());
      if (found === undefined) return 'missing';
      return found.result.state.paused ? 'paused' : 'running';
    } catch {
      return 'unknown';
    }
  }

  private get handle() {
    return this.client.schedule.getHandle(scheduleId('origin', this.name));
  }

  private ifInTime<T>(work: () => Promise<T>): Promise<{ result: T } | undefined> {
    return this.client.withDeadline(Date.now() + PUSH_DEADLINE_MS, () => ifThere(work));
  }
}
