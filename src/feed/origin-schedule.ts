import { ScheduleOverlapPolicy, type Client } from '@temporalio/client';
import { askSchedule } from '../activities/shared/ask-schedule';
import { scheduleId } from '../contract/ids';
import { FEED_STATE_MS, PUSH_DEADLINE_MS, PUSH_SCHEDULE_MS } from '../limits';
import { ifThere } from '../temporal/schedule';

export type OriginScheduleState = 'running' | 'paused' | 'missing' | 'unknown';

/** A cycle is not in a hurry: where Temporal is always slow, the last question waits for it. */
const QUESTIONS_MS = [...PUSH_SCHEDULE_MS, PUSH_DEADLINE_MS];

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
      const handle = this.client.schedule.getHandle(scheduleId('origin', this.name));
      const trigger = () => ifThere(() => handle.trigger(ScheduleOverlapPolicy.BUFFER_ONE));
      return (await this.client.withDeadline(Date.now() + PUSH_DEADLINE_MS, trigger)) !== undefined;
    } catch {
      return false;
    }
  }

  private async ask(): Promise<OriginScheduleState> {
    try {
      const { signal } = new AbortController();
      const found = await askSchedule(this.client, 'origin', this.name, QUESTIONS_MS, signal);
      if (found === undefined) return 'missing';
      return found.state.paused ? 'paused' : 'running';
    } catch {
      return 'unknown';
    }
  }
}
