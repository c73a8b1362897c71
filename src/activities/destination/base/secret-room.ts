import { Room } from '../../../concurrency/work-pool';

interface Vault {
  readonly client: { readonly requestsAtOnce: number; othersWait: () => void };
}

/**
 * Room for no more secrets at the same time than both Vaults take requests: what was seen of a secret would grow old
 * in the queue between its requests.
 *
 * @param most never more than so many
 * @param part of both numbers that is used, rounded up: 1 for all
 */
export function secretRoom(most: number, vaults: readonly Vault[], part = 1): Room {
  const level = (): number => Math.min(...vaults.map(({ client }) => client.requestsAtOnce));
  return new Room(
    () => Math.ceil(Math.min(most, level()) * part),
    () => {
      const lowest = level();
      if (lowest >= most) return;
      // That Vault has fewer requests than its level at any time, because the secrets take turns between the two. The
      // other one has room as it is.
      for (const { client } of vaults) if (client.requestsAtOnce === lowest) client.othersWait();
    },
  );
}
