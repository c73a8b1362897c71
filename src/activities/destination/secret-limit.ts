import pLimit from 'p-limit';

/** Lets the work for a secret begin when there is room for it. */
export type SecretLimit = <T>(work: () => Promise<T>) => Promise<T>;

interface Vault {
  readonly client: { readonly requestsAtOnce: number; othersWait: () => void };
}

/**
 * No more secrets at the same time than both Vaults take requests: what was seen of a secret would grow old in the
 * queue between its requests.
 *
 * @param most never more than so many
 */
export function secretLimit(most: number, ...vaults: readonly Vault[]): SecretLimit {
  const limit = pLimit(most);
  const adapt = (): void => {
    const room = Math.min(most, ...vaults.map(({ client }) => client.requestsAtOnce));
    if (room !== limit.concurrency) limit.concurrency = room;
    // Each of the Vaults has fewer requests than that at any time, because the secrets take turns between the two.
    if (room < most && limit.pendingCount > 0) for (const { client } of vaults) client.othersWait();
  };
  return (work) => {
    const done = limit(work).finally(adapt);
    adapt();
    return done;
  };
}
