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
 * @param part of both numbers that is used, rounded up: 1 for all
 */
export function secretLimit(most: number, vaults: readonly Vault[], part = 1): SecretLimit {
  const limit = pLimit(Math.ceil(most * part));
  const adapt = (): void => {
    const levels = vaults.map(({ client }) => client.requestsAtOnce);
    const room = Math.min(most, ...levels);
    const concurrency = Math.ceil(room * part);
    if (concurrency !== limit.concurrency) limit.concurrency = concurrency;
    if (room === most || limit.pendingCount === 0) return;
    // That Vault has fewer requests than its level at any time, because the secrets take turns between the two. The
    // other one has room as it is.
    for (const { client } of vaults) if (client.requestsAtOnce === room) client.othersWait();
  };
  return (work) => {
    const done = limit(work).finally(adapt);
    adapt();
    return done;
  };
}
