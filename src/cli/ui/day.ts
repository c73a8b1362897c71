import type { Client } from '@temporalio/client';
import type { Outcome } from '../../contract/cycle';
import { scheduleId, type Role } from '../../contract/ids';

/*
 * How the cycles of the last day ended, from the list of workflows: each cycle writes its outcome into its memo. The list of
 * a schedule has only ten.
 */

const DAY_MS = 24 * 3_600_000;
/** Half an hour each. */
export const SLOTS = 48;
/** The list of Temporal is asked at most so often, and then only for cycles that it may not have shown yet. */
const ASK_EVERY_MS = 30_000;

/** The worst outcome of a slot: `bad` failed or terminated; `warn` partial, held, timed out or cancelled. */
export type SlotWord = 'none' | 'good' | 'warn' | 'bad';

export interface Slot {
  beginMs: number;
  word: SlotWord;
  /** Number of cycles, by outcome. */
  outcomes: Readonly<Record<string, number>>;
}

interface Ended {
  startMs: number;
  outcome: string;
}

const WORDS: Readonly<Record<Outcome, SlotWord>> = {
  synced: 'good',
  unchanged: 'good',
  partial: 'warn',
  held: 'warn',
  'timed-out': 'warn',
  cancelled: 'warn',
  failed: 'bad',
};
const ORDER: readonly SlotWord[] = ['none', 'good', 'warn', 'bad'];

const wordOf = (outcome: string): SlotWord => (WORDS as Readonly<Record<string, SlotWord>>)[outcome] ?? 'bad';

/** The cycles that began in the 24 hours before `nowMs`, in slots, oldest first. */
export function slotsOf(cycles: Iterable<Ended>, nowMs: number): Slot[] {
  const slotMs = DAY_MS / SLOTS;
  const beginMs = nowMs - DAY_MS;
  const slots = Array.from({ length: SLOTS }, (_, at): Slot & { outcomes: Record<string, number> } => ({
    beginMs: beginMs + at * slotMs,
    word: 'none',
    outcomes: {},
  }));
  for (const { startMs, outcome } of cycles) {
    const slot = slots[Math.floor((startMs - beginMs) / slotMs)];
    if (slot === undefined) continue;
    slot.outcomes[outcome] = (slot.outcomes[outcome] ?? 0) + 1;
    const word = wordOf(outcome);
    if (ORDER.indexOf(word) > ORDER.indexOf(slot.word)) slot.word = word;
  }
  return slots;
}

/** The ended cycles of one sync. Keeps what it has seen, so that a day is read once. */
export class Day {
  private readonly ended = new Map<string, Ended>();
  private askedMs = 0;
  /** Every cycle that began before is in `ended`. */
  private completeMs = 0;

  constructor(
    private readonly role: Role,
    private readonly name: string,
  ) {}

  /** @throws what Temporal's client throws */
  async slots(client: Client, nowMs: number): Promise<Slot[]> {
    if (nowMs - this.askedMs >= ASK_EVERY_MS) {
      await this.ask(client, Math.max(this.completeMs, nowMs - DAY_MS));
      this.askedMs = nowMs;
    }
    for (const [run, { startMs }] of this.ended) if (startMs < nowMs - DAY_MS) this.ended.delete(run);
    return slotsOf(this.ended.values(), nowMs);
  }

  private async ask(client: Client, fromMs: number): Promise<void> {
    const query = `TemporalScheduledById = "${scheduleId(this.role, this.name)}" AND StartTime >= "${new Date(fromMs).toISOString()}"`;
    // A cycle appears in the list a moment after it began.
    let completeMs = Date.now() - ASK_EVERY_MS;
    for await (const { runId, startTime, closeTime, memo, status } of client.workflow.list({ query })) {
      const startMs = startTime.getTime();
      if (closeTime === undefined) {
        completeMs = Math.min(completeMs, startMs);
        continue;
      }
      const noted = status.name === 'COMPLETED' ? memo?.['outcome'] : undefined;
      const outcome =
        typeof noted === 'string' ? noted : status.name.toLowerCase().replace('canceled', 'cancelled');
      this.ended.set(runId, { startMs, outcome });
    }
    this.completeMs = completeMs;
  }
}
