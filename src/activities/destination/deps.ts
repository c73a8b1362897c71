import type { LimitFunction } from 'p-limit';
import type { DestinationConfig } from '../../config/schema';
import type { SyncInfo } from '../../consul/sync-info';
import type { Transformer } from '../../sync/transform';
import type { Kv2 } from '../../vault/kv2';

/** What the activities of a destination work with. */
export interface DestinationDeps {
  config: DestinationConfig;
  /** Of this worker's configuration; inputs that carry another one are refused. */
  fingerprint: string;
  originVault: Kv2;
  vault: Kv2;
  /** `<origin.syncPath>origin/`, in the origin's Consul. Only read. */
  originInfo: SyncInfo;
  /** `<destination.syncPath>destination/`, in the destination's Consul. */
  info: SyncInfo;
  transformer: Transformer;
  /** Secrets in flight, for all activities of this process. */
  secretLimit: LimitFunction;
}
