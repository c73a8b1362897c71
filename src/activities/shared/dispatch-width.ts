import type { Client } from '@temporalio/client';
import { POLLERS_FRESH_MS, MAX_DISPATCH_WIDTH, SHARED_ACTIVITIES_PER_WORKER } from '../../limits';
import { ACTIVITIES, pollersOf } from './pollers';

/**
 * How many chunks or groups a cycle should have on a shared queue at the same time: as many as its workers take at once.
 * A task that is kept in the queue may wait for a second although a worker is free. See
 * docs/decisions/0009-no-more-shares-than-workers-take.md.
 */
export class DispatchWidth {
  private asked: Promise<number | undefined> = Promise.resolve(undefined);
  private askedAtMs = -Infinity;

  constructor(private readonly queue: string) {}

  /** @returns undefined if Temporal does not answer */
  async atOnce(client: Client): Promise<number | undefined> {
    const nowMs = Date.now();
    if (nowMs - this.askedAtMs >= POLLERS_FRESH_MS) {
      this.askedAtMs = nowMs;
      this.asked = this.ask(client).catch(() => undefined);
    }
    return this.asked;
  }

  private async ask(client: Client): Promise<number | undefined> {
    // Those of the last minutes: one that is gone by now costs some waiting, and no more.
    const workers = await pollersOf(client, this.queue, ACTIVITIES);
    if (workers.length === 0) return undefined;
    return Math.min(workers.length * SHARED_ACTIVITIES_PER_WORKER, MAX_DISPATCH_WIDTH);
  }
}
