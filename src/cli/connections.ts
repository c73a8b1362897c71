import type { Client } from '@temporalio/client';
import { createClients, infoOf, type Clients } from '../activities/clients';
import { forManyRequests } from '../concurrency/abort';
import type { Config } from '../config/schema';
import type { SyncInfo } from '../sync-info/sync-info';
import { connectClient, explained } from '../temporal/connect';
import { temporalTarget } from '../temporal/target';

/** Runs some work with a connection to Temporal, whose own refusals are put into words. */
export async function withTemporal<T>(config: Config, work: (client: Client) => Promise<T>): Promise<T> {
  const target = temporalTarget(config.temporal);
  const client = await connectClient(target);
  try {
    return await explained(target, () => work(client));
  } finally {
    await client.connection.close();
  }
}

/** Runs some work with the sync info of the configuration's own role, without any Vault. */
export async function withInfo<T>(config: Config, work: (info: SyncInfo) => Promise<T>): Promise<T> {
  const { info, close } = await infoOf(config);
  try {
    return await work(info);
  } finally {
    close();
  }
}

/** As {@link withTemporal}, with the clients of Vault and Consul too. */
export async function withClients<T>(
  config: Config,
  work: (client: Client, clients: Clients) => Promise<T>,
): Promise<T> {
  return withTemporal(config, async (client) => {
    const clients = await createClients(config);
    try {
      return await work(client, clients);
    } finally {
      await clients.close();
    }
  });
}

/** Ctrl-C ends the work in order. A second one ends the process at once, and so does one after the work. */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController();
  const interrupt = (): void => {
    stop.abort();
  };
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const signal of signals) process.once(signal, interrupt);
  try {
    return await work(forManyRequests(stop.signal));
  } finally {
    for (const signal of signals) process.off(signal, interrupt);
  }
}
