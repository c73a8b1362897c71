import type { BothVaults } from '../../../access/both-vaults';
import type { FingerprintParts } from '../../../config/fingerprint';
import type { DestinationConfig } from '../../../config/schema';
import type { Orphans } from '../../../sync-info/orphans';
import type { Staging } from '../../../sync-info/staging';
import type { SyncInfo } from '../../../sync-info/sync-info';
import type { Scope } from '../../../rules/scope';
import type { Kv2 } from '../../../vault/kv2';
import { inParallel } from '../../../concurrency/in-parallel';
import type { Room } from '../../../concurrency/work-pool';
import type { OriginTargets } from './origin-targets';

/** What the activities of a destination work with. */
export interface DestinationDeps {
  config: DestinationConfig;
  /** Of this worker's configuration; inputs that carry another one are refused. */
  fingerprint: string;
  /** What earlier versions called the same configuration. */
  olderFingerprints?: readonly string[];
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
  secretRoom: Room;
  /** For those of a verify among them. */
  verifyRoom: Room;
}

/**
 * Runs a part of a verify. At most half of the secrets in flight are a verify's, and no more of them wait for the room
 * that cycles share: else a cycle would wait behind every comparison of a large bucket.
 *
 * @throws like {@link inParallel}
 */
export async function beside<T>(
  { secretRoom, verifyRoom }: Pick<DestinationDeps, 'secretRoom' | 'verifyRoom'>,
  items: readonly T[],
  signal: AbortSignal,
  work: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const inBoth = (item: T, stop: AbortSignal): Promise<void> => secretRoom.run(() => work(item, stop), stop);
  await inParallel(items, signal, inBoth, verifyRoom);
}
