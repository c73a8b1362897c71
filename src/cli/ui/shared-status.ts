import type { Client } from '@temporalio/client';
import type { Config } from '../../config/schema';
import { ExplainedError } from '../../errors';
import { connectClient, explained } from '../../temporal/connect';
import { temporalTarget, type TemporalPlace } from '../../temporal/target';
import { readStatus } from '../status/read-status';
import type { Status } from '../status/status';
import { Day, type Slot } from './day';

/** The servers are asked at most so often, however many browsers look. */
export const ASK_EVERY_MS = 2_000;

/** What the page shows of one sync. */
export interface SyncView {
  name: string;
  role: string;
  temporal: TemporalPlace;
  /** The last one that could be read. */
  status?: Status;
  /** The last day; absent if Temporal does not list workflows. */
  slots?: readonly Slot[];
  /** Why the status is missing or old. */
  problem?: string;
}

/** Returns what `read` returned last, and calls it again once that is older than `everyMs`; one call at a time. */
export function shared<T>(read: () => Promise<T>, everyMs = ASK_EVERY_MS, now = Date.now): () => Promise<T> {
  let last: { answer: Promise<T>; endedMs: number | undefined } | undefined;
  return () => {
    const isFresh = last !== undefined && (last.endedMs === undefined || now() - last.endedMs < everyMs);
    if (last !== undefined && isFresh) return last.answer;
    const asked: { answer: Promise<T>; endedMs: number | undefined } = { answer: read(), endedMs: undefined };
    const ended = (): void => {
      asked.endedMs = now();
    };
    asked.answer.then(ended, ended);
    last = asked;
    return asked.answer;
  };
}

/** The status of one sync, from the function behind `vsync status`. It reports problems instead of throwing them. */
export class SharedStatus {
  readonly read = shared(() => this.ask());
  private readonly sizes = new Map<string, number>();
  private readonly day: Day;
  private client: Client | undefined;
  private lastStatus: Status | undefined;

  constructor(
    private readonly config: Config,
    private readonly file: string,
  ) {
    this.day = new Day(config.role, config.name);
  }

  private async ask(): Promise<SyncView> {
    const { config, file, sizes } = this;
    const target = temporalTarget(config.temporal);
    const { address, namespace } = target;
    const about = { name: config.name, role: config.role, temporal: { address, namespace } };
    try {
      const client = (this.client ??= await connectClient(target));
      const status = await explained(target, () => readStatus(client, config, { file, sizes }));
      this.lastStatus = status;
      // The strip is a convenience: without it the page is still right.
      const slots = await this.day.slots(client, Date.now()).catch(() => undefined);
      return { ...about, status, ...(slots && { slots }) };
    } catch (error) {
      // Of another error only the name: its message may hold a secret.
      const problem =
        error instanceof ExplainedError
          ? error.message
          : `an error that is not expected (${error instanceof Error ? error.name : 'unknown'})`;
      return { ...about, ...(this.lastStatus && { status: this.lastStatus }), problem };
    }
  }

  async close(): Promise<void> {
    await this.client?.connection.close();
  }
}
