import type { Client } from '@temporalio/client';
import { isDeepStrictEqual } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';
import { withinMs } from '../concurrency/abort';
import { PUSH_TARGETS_EVERY_MS } from '../limits';
import { listPushes, type PushMemo } from '../temporal/push-workflow';

/** A destination that takes pushed changes. */
export interface PushTarget {
  readonly name: string;
  readonly workflowId: string;
}

export interface PushTargets {
  /** As of the last answer. */
  list(): readonly PushTarget[];
  /** Asks now. Never throws: without an answer the list stays as it is. */
  refresh(): Promise<void>;
}

/**
 * Finds the destinations of one origin: an origin does not know them. Their workers keep a workflow each, whose memo
 * names the origin. Destinations at another Temporal, or with an older vsync, have none.
 */
export class DiscoveredTargets implements PushTargets {
  private readonly stopping = new AbortController();
  private found: readonly PushTarget[] = [];
  private asking: Promise<void> | undefined;
  private running: Promise<void> | undefined;

  constructor(
    private readonly client: Client,
    private readonly origin: PushMemo,
    private readonly everyMs = PUSH_TARGETS_EVERY_MS,
  ) {}

  list(): readonly PushTarget[] {
    return this.found;
  }

  /** Asks at once, and then at intervals. */
  start(): void {
    this.running ??= this.keep();
  }

  refresh(): Promise<void> {
    this.asking ??= this.ask().finally(() => {
      this.asking = undefined;
    });
    return this.asking;
  }

  async close(): Promise<void> {
    this.stopping.abort();
    await this.running;
    await this.asking;
  }

  private async keep(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      await this.refresh();
      await sleep(this.everyMs, undefined, { ref: false, signal }).catch(() => undefined);
    }
  }

  private async ask(): Promise<void> {
    try {
      const all = await withinMs(this.everyMs, this.stopping.signal, (inTime) =>
        this.client.withAbortSignal(inTime, () => listPushes(this.client)),
      );
      this.found = all
        .filter(({ memo }) => isDeepStrictEqual(memo, this.origin))
        .map(({ name, workflowId }) => ({ name, workflowId }));
    } catch {
      // Temporal does not answer now. A push that finds nobody is left to the cycles.
    }
  }
}
