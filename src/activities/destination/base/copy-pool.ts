import { inParallel, WorkPool } from '../../../concurrency/work-pool';

interface Vault {
  readonly client: { readonly requestsAtOnce: number; reportDemand: () => void };
}

/**
 * A pool for no more secrets at the same time than both Vaults accept requests: with more, the answer about a secret
 * would grow old in a queue between its requests.
 *
 * @param most upper bound
 * @param part of both numbers that is used, rounded up: 1 for all
 */
export function copyPool(most: number, vaults: readonly Vault[], part = 1): WorkPool {
  const lowestLimit = (): number => Math.min(...vaults.map(({ client }) => client.requestsAtOnce));
  return new WorkPool(
    () => Math.ceil(Math.min(most, lowestLimit()) * part),
    () => {
      const lowest = lowestLimit();
      if (lowest >= most) return;
      // The secrets alternate between the two Vaults, so this one never has as many requests as its limit allows: it
      // would not raise the limit by itself. The other one has free places.
      for (const { client } of vaults) if (client.requestsAtOnce === lowest) client.reportDemand();
    },
  );
}

/**
 * Runs a part of a verify. At most half of the secrets in flight belong to a verify, and no more of its secrets wait for
 * the pool that cycles share. Otherwise a cycle would wait behind every comparison of a large bucket.
 *
 * @throws like {@link inParallel}
 */
export async function inVerifyPool<T>(
  pools: { readonly copyPool: WorkPool; readonly verifyPool: WorkPool },
  items: readonly T[],
  signal: AbortSignal,
  work: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const inBoth = (item: T, stop: AbortSignal): Promise<void> =>
    pools.copyPool.run(() => work(item, stop), stop);
  await inParallel(items, signal, inBoth, pools.verifyPool);
}
