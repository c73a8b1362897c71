import type { Client } from '@temporalio/client';
import { createClients, infoOf, type Clients } from '../activities/clients';
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
