import { NativeConnection } from '@temporalio/worker';
import os from 'node:os';
import type { Config } from '../config/schema';
import type { Logger } from '../log';
import { unreachable } from '../temporal/connect';
import { temporalTarget, type TemporalTarget } from '../temporal/target';
import type { Temporal } from './sync-worker';
import { askNamespace, logTemporalOutages } from './temporal-outages';

/** As Temporal's SDK would choose it. */
const WORKER_IDENTITY = `${process.pid}@${os.hostname()}`;

/** The connections of a process: one for each Temporal. */
export class WorkerConnections {
  private readonly connections = new Map<string, NativeConnection>();
  private readonly closers: (() => Promise<void>)[] = [];

  constructor(private readonly log: Logger) {}

  /** @throws UserError that names the address */
  async connect(config: Config['temporal']): Promise<Temporal> {
    const target = temporalTarget(config);
    const key = JSON.stringify(target);
    const connection = this.connections.get(key) ?? (await this.open(target));
    this.connections.set(key, connection);
    return { connection, target, identity: WORKER_IDENTITY };
  }

  private async open(target: TemporalTarget): Promise<NativeConnection> {
    const connection = await connectWorker(target);
    const ask = (): Promise<unknown> => askNamespace(connection, target);
    const endWatch = logTemporalOutages({ ask, target, log: this.log });
    this.closers.push(async () => {
      await endWatch();
      await connection.close();
    });
    return connection;
  }

  async close(): Promise<void> {
    for (const close of this.closers) await close();
  }
}

/** Connects as a worker. @throws UserError that names the address */
export async function connectWorker(target: TemporalTarget): Promise<NativeConnection> {
  const options = target.connection as Parameters<typeof NativeConnection.connect>[0];
  const connection = await NativeConnection.connect(options).catch(async (error: unknown) => {
    throw await unreachable(target, error);
  });
  try {
    // A worker on a missing namespace fails too, but with the SDK's text, and keeps the process from ending.
    await connection.workflowService.describeNamespace({ namespace: target.namespace });
  } catch (error) {
    await connection.close();
    throw await unreachable(target, error);
  }
  return connection;
}
