import type { Client } from '@temporalio/client';
import { POLLER_GONE_MS, POLLERS_TIMEOUT_MS } from '../../limits';

type Service = Client['workflowService'];
type Request = Parameters<Service['describeTaskQueue']>[0];
type Answer = Awaited<ReturnType<Service['describeTaskQueue']>>;

/* Numbers of Temporal's API, whose enums are in a package that is not ours to name. */
/* eslint-disable @typescript-eslint/no-unsafe-enum-assignment */
export const WORKFLOWS = 1 as NonNullable<Request['taskQueueType']>;
export const ACTIVITIES = 2 as NonNullable<Request['taskQueueType']>;
/**
 * All partitions of the queue are asked; the answer may be 5 s old (server 1.29.1). Without this mode the root answers
 * alone, which does not know every poll that another one holds: of three workers with two slots each it lacked one in 6
 * of 12 tries.
 */
const ALL_PARTITIONS = 1 as NonNullable<Request['apiMode']>;
/* eslint-enable @typescript-eslint/no-unsafe-enum-assignment */

/** A worker that has polled a task queue within the last minutes. */
export interface Poller {
  readonly identity: string;
  /** Milliseconds since the epoch, of the server. */
  readonly lastMs: number;
}

/**
 * The workers of the last five minutes on a task queue, whether they still live or not.
 *
 * @throws if Temporal answers neither question in time
 */
export async function pollersOf(
  client: Client,
  name: string,
  type: NonNullable<Request['taskQueueType']>,
): Promise<Poller[]> {
  const queue = { namespace: client.options.namespace, taskQueue: { name }, taskQueueType: type };
  // Both: one answer lacks those that other partitions hold, the other those that came in the last seconds. A server
  // may refuse either.
  const answers = await client.withDeadline(Date.now() + POLLERS_TIMEOUT_MS, () =>
    Promise.allSettled([
      client.workflowService.describeTaskQueue(queue),
      client.workflowService.describeTaskQueue({
        ...queue,
        apiMode: ALL_PARTITIONS,
        taskQueueTypes: [type],
        versions: { unversioned: true, allActive: true },
        reportPollers: true,
      }),
    ]),
  );
  const [first] = answers;
  if (first.status === 'rejected' && answers.every(({ status }) => status === 'rejected')) throw first.reason;
  const lastMs = new Map<string, number>();
  for (const answer of answers) {
    if (answer.status === 'rejected') continue;
    for (const { identity, lastAccessTime } of pollersIn(answer.value)) {
      const ms = Number(lastAccessTime?.seconds ?? 0) * 1000;
      lastMs.set(identity ?? '', Math.max(ms, lastMs.get(identity ?? '') ?? 0));
    }
  }
  return [...lastMs].map(([identity, ms]) => ({ identity, lastMs: ms }));
}

function pollersIn({ pollers, versionsInfo }: Answer): Answer['pollers'] {
  const types = Object.values(versionsInfo).flatMap(({ typesInfo }) => Object.values(typesInfo ?? {}));
  return [...pollers, ...types.flatMap((type) => type.pollers ?? [])];
}

/** Those that still live, or lived up to a minute and a half ago: a worker polls at least once a minute. */
export function stillPolling(pollers: readonly Poller[], nowMs: number): Poller[] {
  return pollers.filter(({ lastMs }) => nowMs - lastMs <= POLLER_GONE_MS);
}
