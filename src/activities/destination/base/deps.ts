import type { BothVaults } from '../../../access/both-vaults';
import type { FingerprintParts } from '../../../config/fingerprint';
import type { DestinationConfig } from '../../../config/schema';
import type { Orphans } from '../../../sync-info/orphans';
import type { Staging } from '../../../sync-info/staging';
import type { SyncInfo } from '../../../sync-info/sync-info';
import type { Scope } from '../../../rules/scope';
import type { Kv2 } from '../../../vault/kv2';
import type { WorkPool } from '../../../concurrency/work-pool';
import type { OriginTargets } from './origin-targets';
import type { Location } from '../../../rules/paths';
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
