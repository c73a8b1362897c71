import { NativeConnection } from '@temporalio/worker';
import { unreachable, type TemporalTarget } from '../temporal/connect';

/** Connects as a worker. @throws UserError that names the address */
export async function connectWorker(target: TemporalTarget): Promise<NativeConnection> {
  const options = target.connection as Parameters<typeof NativeConnection.connect>[0];
  const connection = await NativeConnection.connect(options).catch(async (error: unknown) => {
    throw await unreachable(target, error);
  });
  try {
    // A worker on a namespace that is missing fails too, but in the SDK's words, and keeps the process from ending.
    await connection.workflowService.describeNamespace({ namespace: target.namespace });
  } catch (error) {
    await connection.close();
    throw await unreachable(target, error);
  }
  return connection;
}
