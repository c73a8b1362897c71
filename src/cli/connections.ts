import type { Client } from '@temporalio/client';
import { createClients, type Clients } from '../activities/clients';
import type { Config } from '../config/schema';
import { connectClient, explained, temporalTarget } from '../temporal/connect';

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

/** The same, with the clients of Vault and Consul too. */
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
