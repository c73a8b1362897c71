import { hash } from 'node:crypto';
import { readMounts } from '../../../access/mounts';
import { PUSH_BUCKETS_CACHED, PUSH_CACHED_BUCKET_BYTES } from '../../../limits';
import { SyncInfoError } from '../../../rules/bucket';
import type { Insight } from '../../../rules/insight';
import type { MountUuids } from '../../../sync-info/state';
import type { SyncInfo } from '../../../sync-info/sync-info';
import type { DestinationDeps } from '../base/deps';
import { Freshness } from '../base/freshness';

/** uuids of the mounts at both ends. */
export interface BothMounts {
  readonly origin: MountUuids;
  readonly own: MountUuids;
}

interface KnownBucket {
  readonly contentHash: string;
  readonly verified: ReadonlySet<string>;
}

/** What the pushes of one process remember, so that each of them costs fewer requests and less parsing. */
export class PushMemory {
  private known: { readonly asked: Freshness; readonly mounts: BothMounts } | undefined;
  /** By key; the one that was used last is the last. */
  private readonly buckets = new Map<string, KnownBucket>();

  /** Reads the identity of all mounts, unless it was read within FRESH_MS. Throws as {@link readMounts}. */
  async mounts(
    { config, originVault, vault }: Pick<DestinationDeps, 'config' | 'originVault' | 'vault'>,
    signal: AbortSignal,
  ): Promise<BothMounts> {
    if (this.known?.asked.isFresh() === true) return this.known.mounts;
    const asked = new Freshness();
    const [origin, own] = await Promise.all([
      readMounts(originVault, config.origin.mounts, 'origin.mounts', signal),
      readMounts(vault, config.destination.mounts, 'destination.mounts', signal),
    ]);
    const mounts = { origin, own };
    this.known = { asked, mounts };
    return mounts;
  }

  /** Paths that a bucket names with a verified claim; none if it is missing or damaged. Parses only what has changed. */
  async verifiedPaths(info: SyncInfo, id: number, signal: AbortSignal): Promise<ReadonlySet<string>> {
    const key = info.bucketKey(id);
    const stored = await info.store.get(key, signal);
    if (stored === undefined) return new Set();
    // By content: after a restore of Consul another content can have the same revision.
    const contentHash = hash('sha256', stored.value);
    const known = this.buckets.get(key);
    this.buckets.delete(key);
    const verified =
      known?.contentHash === contentHash ? known.verified : verifiedIn(info, stored.value.toString('utf8'));
    if (stored.value.length <= PUSH_CACHED_BUCKET_BYTES) this.remember(key, { contentHash, verified });
    return verified;
  }

  private remember(key: string, bucket: KnownBucket): void {
    this.buckets.set(key, bucket);
    const [oldest] = this.buckets.keys();
    if (this.buckets.size > PUSH_BUCKETS_CACHED && oldest !== undefined) this.buckets.delete(oldest);
  }
}

/** Paths that a bucket names with a verified claim. */
export function verifiedOf(bucket: ReadonlyMap<string, Insight>): ReadonlySet<string> {
  const verified = [...bucket].filter(([, { version }]) => version >= 1);
  return new Set(verified.map(([path]) => path));
}

function verifiedIn({ format }: SyncInfo, json: string): ReadonlySet<string> {
  try {
    return verifiedOf(format.parse(json));
  } catch (error) {
    if (!(error instanceof SyncInfoError)) throw error;
    return new Set();
  }
}
