import { CONSUL_TRANSACTION_BYTES } from '../../limits';
import type { Staging } from '../../sync-info/staging';
import { readStagedBuckets, type StagedBucket, type StagedBuckets } from './manifest';

type Kind = 'buckets' | 'settings';

/** A staged bucket without its content, which is read again when it is written. */
export interface FoundBucket extends Omit<StagedBucket, 'json'> {
  /** Length of the bucket in wire format. Undefined if the live bucket already holds it and only the index lacks it. */
  readonly bytes: number | undefined;
  /** The bucket in wire format. */
  readonly readJson: (signal: AbortSignal) => Promise<string>;
}

/**
 * The staged lists of buckets that a save writes. In memory are only as many as fit one transaction, which then need no
 * second read: with everything new, all of them together are as large as the sync info.
 */
export class StagedLists {
  private readonly kept = new Map<string, StagedBuckets>();
  private keptLength = 0;

  constructor(
    private readonly staging: Staging,
    private readonly references: readonly string[],
  ) {}

  async find(signal: AbortSignal): Promise<Record<Kind, FoundBucket[]>> {
    const found: Record<Kind, FoundBucket[]> = { buckets: [], settings: [] };
    for (const reference of this.references) {
      const lists = await this.read(reference, signal);
      for (const kind of ['buckets', 'settings'] as const)
        for (const [at, { json, ...bucket }] of (lists[kind] ?? []).entries()) {
          const readJson = async (stop: AbortSignal): Promise<string> =>
            (await this.read(reference, stop))[kind]?.[at]?.json ?? '';
          const bytes = json === undefined ? undefined : Buffer.byteLength(json);
          found[kind].push({ ...bucket, bytes, readJson });
        }
    }
    return found;
  }

  private async read(reference: string, signal: AbortSignal): Promise<StagedBuckets> {
    const kept = this.kept.get(reference);
    if (kept !== undefined) return kept;
    const lists = await readStagedBuckets(this.staging, reference, signal);
    const buckets = [...lists.buckets, ...(lists.settings ?? [])];
    const length = buckets.reduce((sum, { json = '' }) => sum + json.length, 0);
    if (this.keptLength + length > CONSUL_TRANSACTION_BYTES) {
      this.kept.clear();
      this.keptLength = 0;
    }
    this.kept.set(reference, lists);
    this.keptLength += length;
    return lists;
  }
}
