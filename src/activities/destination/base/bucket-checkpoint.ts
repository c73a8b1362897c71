import type { IndexedBuckets, StoredBucket } from '../../../sync-info/indexed-buckets';
import type { Unchanged } from '../../../consul/key-value-store';
import type { Insight } from '../../../rules/insight';
import { ActivityError } from '../../../contract/failures';
import { CHECKPOINT_MS } from '../../../limits';

/** Keeps a cycle from writing behind the back of a later one, and notes that it has begun to write. */
export interface Fence {
  /** The indices as they were before the work: when another cycle has saved one, this one writes no bucket any more. */
  readonly indices: readonly Unchanged[];
  /** Called before each write. */
  readonly note: () => Promise<void>;
}

/**
 * One bucket of the destination's info while its secrets are copied. Claims are added after the secret (or its
 * settings) has arrived, and saved by check-and-set against the revision from before the work.
 */
export class BucketCheckpoint<T = Insight> {
  private savedHash: string | undefined;
  private revision: number;
  private savedAtMs = Date.now();
  private saving: Promise<void> = Promise.resolve();

  /**
   * @param claims what the destination is known to have; grows and shrinks with the work
   * @param fence what every write of a bucket of this cycle is bound to
   */
  constructor(
    private readonly info: IndexedBuckets<T>,
    private readonly id: number,
    stored: StoredBucket<T>,
    readonly claims: Map<string, T>,
    private readonly fence: Fence,
    /** What has to be saved before the claims are. */
    private readonly before: () => Promise<void> = () => Promise.resolve(),
  ) {
    this.savedHash = stored.hash;
    this.revision = stored.revision;
  }

  /** Saves if the last time is some seconds ago. */
  async saveSometimes(): Promise<void> {
    if (Date.now() - this.savedAtMs >= CHECKPOINT_MS) await this.save();
  }

  /**
   * Saves unless nothing changed. Without the activity's signal: on cancellation this is the last thing to do.
   *
   * @throws ActivityError `Conflict` if somebody else wrote the bucket
   */
  save(): Promise<void> {
    // One after the other, because each write needs the revision of the one before.
    this.saving = this.saving.then(() => this.write());
    return this.saving;
  }

  private async write(): Promise<void> {
    this.savedAtMs = Date.now();
    if (this.info.format.hash(this.claims) === this.savedHash) return;
    await this.fence.note();
    await this.before();
    const hash = this.info.format.hash(this.claims);
    const write = this.info.writeOfBucket(this.id, this.claims, this.revision);
    const written = await this.info.store.commit([write], undefined, this.fence.indices);
    const revision = written?.get(write.key);
    if (revision === undefined) {
      throw new ActivityError(
        'Conflict',
        `Consul ${this.info.store.address}: ${write.key}: somebody else wrote this bucket or the index during the ` +
          'cycle; the next one goes on from there. Is another destination running on this sync path?',
      );
    }
    this.savedHash = hash;
    this.revision = revision;
  }
}
