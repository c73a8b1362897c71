import type { OriginConfig } from '../../config/schema';
import type { Staging } from '../../sync-info/staging';
import type { SyncInfo } from '../../sync-info/sync-info';
import type { Kv2 } from '../../vault/kv2';
import type { WorkPool } from '../../concurrency/work-pool';
import type { FeedView } from './feed-view';

/** What the activities of an origin work with. */
export interface OriginDeps {
  config: OriginConfig;
  /** Of this worker's configuration; inputs that carry another one are refused. */
  fingerprint: string;
  vault: Kv2;
  /** `<syncPath>origin/` */
  info: SyncInfo;
  staging: Staging;
  /** The largest bucket that is written, in bytes, where a test wants a lower limit than the store has. */
  maxBucketBytes?: number;
  /** For the folders and secrets that are asked for at the same time, by all activities of this process. */
  room: WorkPool;
  /** The receiver of this process. Absent without a feed. */
  feed?: FeedView;
}
