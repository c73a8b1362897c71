import type { BothVaults } from '../../../access/mounts';
import type { FingerprintParts } from '../../../config/fingerprint';
import type { DestinationConfig } from '../../../config/schema';
import type { Orphans } from '../../../sync-info/orphans';
import type { Staging } from '../../../sync-info/staging';
import type { SyncInfo } from '../../../sync-info/sync-info';
import type { Scope } from '../../../rules/scope';
import type { Kv2 } from '../../../vault/kv2';
import { inParallel, WorkPool } from '../../../concurrency/work-pool';
import type { OriginTargets } from './origin-targets';
import type { Location } from '../../../rules/paths';
import type { PathFailure } from '../../../contract/cycle';
import { VaultError } from '../../../vault/errors';
import type { ChangeLog } from '../../shared/change-log';
import { PathError } from '../../shared/failures';

/** What the activities of a destination work with. */
export interface DestinationDeps {
  config: DestinationConfig;
  /** Of this worker's configuration; inputs that carry another one are refused. */
  fingerprint: string;
  /** What the fingerprint is made of. */
  parts: FingerprintParts;
  /** What the two Vaults were to each other when the clients were made. */
  vaultsAre: BothVaults['are'];
  originVault: Kv2;
  vault: Kv2;
  /** `<origin.syncPath>origin/`, in the origin's Consul. Only read. */
  originInfo: SyncInfo;
  /** `<destination.syncPath>destination/`, in the destination's Consul. */
  info: SyncInfo;
  /** Which secrets go where. */
  scope: Scope;
  targets: OriginTargets;
  orphans: Orphans;
  /** `<destination.syncPath>destination/staging/`: what a verify found, and claims on their way into other buckets. */
  staging: Staging;
  /** For the secrets in flight, of all activities of this process. */
  copyPool: WorkPool;
  /** For those of a verify among them. */
  verifyPool: WorkPool;
  /** Has a line for each secret that is written or deleted; undefined without `log.changes`, and in commands. */
  changes?: ChangeLog;
}

/** Returns where the secret of a path in sync info is at the origin. */
export function placeAtOrigin({ scope }: Pick<DestinationDeps, 'scope'>, path: string): Location {
  const place = scope.placeAtOrigin(path);
  if (place === undefined) throw new PathError('outside-mounts', path);
  return place;
}

/** Returns where it belongs at the destination, after the transforms. */
export function placeAtDestination({ scope }: Pick<DestinationDeps, 'scope'>, path: string): Location {
  const place = scope.placeAtDestination(path);
  if (place === undefined) throw new PathError('no-data-path', path);
  return place;
}

/** Which end a failure of a secret is about, and its path there: for its report. */
export function whereFailed(
  { scope }: Pick<DestinationDeps, 'scope'>,
  path: string,
  error: unknown,
): Pick<PathFailure, 'at' | 'to'> {
  const at = error instanceof VaultError ? error.side : undefined;
  if (at !== 'destination') return { ...(at && { at }) };
  const to = scope.target(path);
  return { at, ...(to !== path && { to }) };
}

interface Vault {
  readonly client: { readonly requestsAtOnce: number; reportDemand: () => void };
}

/**
 * A pool for no more secrets at the same time than `most`, or a `part` of it, and than both Vaults accept requests: with
 * more, the answer about a secret would grow old in a queue between its requests.
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
 * {@link inParallel} for a verify: at most half of the secrets in flight belong to one, and no more of its secrets wait for
 * the pool that cycles share. Otherwise a cycle would wait behind every comparison of a large bucket.
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

/**
 * What the known differences of a destination depend on. `onConflict` decides what is kept, and is not in the fingerprint:
 * with it, each change would compare every value.
 */
export function rulesOfDifferences({ fingerprint, config }: DestinationDeps): string {
  return config.destination.onConflict === 'keep' ? `${fingerprint}+keep` : fingerprint;
}
