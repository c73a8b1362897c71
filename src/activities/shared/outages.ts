import { describeOutage } from '../../vault/traffic';
import type { Kv2 } from '../../vault/kv2';
import type { ReportOutagesInput, ReportOutagesResult } from '../../contract/cycle';
import { MAX_NOTED_OUTAGES } from '../../limits';
import { VaultError } from '../../vault/errors';

/**
 * Says in words which Vaults were down since a time, as far as this worker has noticed. Asks nothing: a cycle that has
 * run out of time says so what it has waited for.
 */
export function reportOutages(vaults: readonly Kv2[], { sinceMs }: ReportOutagesInput): ReportOutagesResult {
  const clients = new Map(vaults.map(({ client }) => [client.address, client]));
  const outages = [...clients.values()].flatMap((client) =>
    client.outagesSince(sinceMs).map((outage) => ({ address: client.address, outage })),
  );
  outages.sort((a, b) => a.outage.sinceMs - b.outage.sinceMs);
  return {
    v: 1,
    outages: outages.slice(-MAX_NOTED_OUTAGES).map(({ address, outage }) => describeOutage(address, outage)),
  };
}

/**
 * Lets an outage end the activity, which Temporal retries as a whole. Without it, each secret would be reported as failed.
 * Only the circuit breaker of a Vault decides whether the Vault is down; every other failure is that of one secret.
 *
 * @throws the error itself if the whole Vault is down, or lets nothing pass
 */
export function throwOutage(error: unknown): void {
  if (error instanceof VaultError && error.isOutage) throw error;
}
