import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { randomBytes } from 'node:crypto';
import { DispatchWidth } from '../../src/activities/shared/dispatch-width';
import { SHARED_ACTIVITIES_PER_WORKER } from '../../src/limits';
import { eventually } from '../support/eventually';
import { sharedServers } from '../support/shared-servers';

const WORKERS = ['a', 'b', 'c'];
/** Chance decides which partition holds a poll. With 8 queues, the root partition lacks a poll of at least one. */
const QUEUES = 8;

test('DispatchWidth counts each worker of a queue, whichever partition holds its polls', async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const { temporal: address } = sharedServers();
  const connection = await Connection.connect({ address });
  const connections = await Promise.all(WORKERS.map(() => NativeConnection.connect({ address })));
  const queues = [...Array(QUEUES).keys()].map((n) => `shares-${randomBytes(4).toString('hex')}-${n}`);
  const workers = await Promise.all(
    queues.flatMap((taskQueue) =>
      WORKERS.map((identity, number) =>
        Worker.create({
          connection: connections[number],
          identity,
          taskQueue,
          activities: { nothing: () => Promise.resolve() },
          maxConcurrentActivityTaskExecutions: SHARED_ACTIVITIES_PER_WORKER,
        }),
      ),
    ),
  );
  const running = workers.map((worker) => worker.run());
  try {
    const client = new Client({ connection });
    for (const queue of queues) {
      await eventually(async () => {
        expect(await new DispatchWidth(queue).atOnce(client)).toBe(
          WORKERS.length * SHARED_ACTIVITIES_PER_WORKER,
        );
      }, `all workers of ${queue} to be known`);
    }
  } finally {
    for (const worker of workers) worker.shutdown();
    await Promise.all(running);
    await Promise.all([connection.close(), ...connections.map((one) => one.close())]);
  }
});
