import type { Client } from '@temporalio/client';
import {
  POLLERS_FRESH_MS,
  POLLERS_TIMEOUT_MS,
  MAX_DISPATCH_WIDTH,
  SHARED_ACTIVITIES_PER_WORKER,
} from '../../limits';

type Service = Client['workflowService'];
type Request = Parameters<Service['describeTaskQueue']>[0];
type Answer = Awaited<ReturnType<Service['describeTaskQueue']>>;

/* Numbers of Temporal's API, whose enums are in a package that is not ours to name. */
/* eslint-disable @typescript-eslint/no-unsafe-enum-assignment */
/** A task queue of activities. */
const ACTIVITIES = 2 as NonNullable<Request['taskQueueType']>;
/**
 * All partitions of the queue are asked; the answer may be 5 s old (server 1.29.1). Without this mode the root answers
 * alone, which does not know every poll that another one holds: of three workers with two slots each it lacked one in 6
 * of 12 tries.
 */
const ALL_PARTITIONS = 1 as NonNullable<Request['apiMode']>;
/* eslint-enable @typescript-eslint/no-unsafe-enum-assignment */

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
    const queue = {
      namespace: client.options.namespace,
      taskQueue: { name: this.queue },
      taskQueueType: ACTIVITIES,
    };
    // Both: one answer lacks those that other partitions hold, the other those that came in the last seconds. A server
    // may refuse either.
    const answers = await client.withDeadline(Date.now() + POLLERS_TIMEOUT_MS, () =>
      Promise.allSettled([
        client.workflowService.describeTaskQueue(queue),
        client.workflowService.describeTaskQueue({
          ...queue,
          apiMode: ALL_PARTITIONS,
          taskQueueTypes: [ACTIVITIES],
          versions: { unversioned: true, allActive: true },
          reportPollers: true,
        }),
      ]),
    );
    // Those of the last minutes: one that is gone by now costs some waiting, and no more.
    const workers = new Set(
      answers.flatMap((answer) => (answer.status === 'fulfilled' ? identitiesOf(answer.value) : [])),
    );
    if (workers.size === 0) return undefined;
    return Math.min(workers.size * SHARED_ACTIVITIES_PER_WORKER, MAX_DISPATCH_WIDTH);
  }
}

function identitiesOf({ pollers, versionsInfo }: Answer): (string | null | undefined)[] {
  const types = Object.values(versionsInfo).flatMap(({ typesInfo }) => Object.values(typesInfo ?? {}));
  return [...pollers, ...types.flatMap((type) => type.pollers ?? [])].map(({ identity }) => identity);
}
