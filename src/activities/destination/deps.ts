import type { FingerprintParts } from '../../config/fingerprint';
import type { DestinationConfig } from '../../config/schema';
import type { Orphans } from '../../consul/orphans';
import type { Staging } from '../../consul/staging';
import type { SyncInfo } from '../../consul/sync-info';
import type { Scope } from '../../sync/scope';
import type { Kv2 } from '../../vault/kv2';
import type { OriginTargets } from './origin-targets';
import type { SecretLimit } from './secret-limit';

/** What the activities of a destination work with. */
export interface DestinationDeps {
  config: DestinationConfig;
  /** Of this worker's configuration; inputs that carry another one are refused. */
  fingerprint: string;
  /** What the fingerprint is made of. */
  parts: FingerprintParts;
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
  /** Secrets in flight, for all activities of this process. */
  secretLimit: SecretLimit;
  /** Those of a verify among them. */
  verifyLimit: SecretLimit;
}

/**
 * Runs a part of a verify. At most half of the secrets in flight are a verify's, and no more of them queue for the
 * limit that cycles share: else a cycle would wait behind every comparison of a large bucket.
 */
export function beside<T>(
  { secretLimit, verifyLimit }: Pick<DestinationDeps, 'secretLimit' | 'verifyLimit'>,
  work: () => Promise<T>,
): Promise<T> {
  return verifyLimit(() => secretLimit(work));
}
