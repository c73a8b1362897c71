import { inParallel } from '../../concurrency/work-pool';
import { CONSUL_READS } from '../../limits';
import { commitAtOnce } from '../../sync-info/commits';
import { fits } from '../../sync-info/indexed-buckets';
import type { Write } from '../../consul/key-value-store';
import type { SyncInfo } from '../../sync-info/sync-info';
import { bucketId, hashBucket } from '../../rules/bucket';
import { unverified } from '../../rules/claims';
import type { Insight } from '../../rules/insight';
import { UserError } from '../../errors';

/**
 * Makes the destination's claims of some paths unverified (version 0), so that the next cycle compares them by value.
 *
 * The claims stay in their buckets, also those of secrets that are missing: the delete guard counts what the
 * destination is known to have. A path that is not claimed is copied by the next cycle anyway. In a bucket that does
 * not match its index no claim is trusted, so all of them are made unverified: otherwise the new index would confirm
 * them.
 *
 * Buckets first, then the index: after a crash in between, a bucket does not match its index and is not trusted.
 *
 * @returns the number of claims that were verified before
 * @throws UserError if a cycle wrote the info at the same moment
 */
export async function unverifyClaims(info: SyncInfo, paths: readonly string[]): Promise<number> {
  const { index, revision } = await info.readIndex();
  // Without an index no claim is trusted: the next cycle compares everything.
  if (index === undefined) return 0;
  const byBucket = bucketsOf(paths, index.length);
  let count = 0;
  const writes: Write[] = [];
  const next = [...index];
  const unverifyBucket = async ([id, those]: [number, Set<string>], signal: AbortSignal): Promise<void> => {
    const stored = await info.readBucket(id, signal);
    const isTrusted = fits(stored, index[id]);
    const bucket = new Map<string, Insight>();
    for (const [path, insight] of stored.bucket ?? []) {
      const isUnverified = insight.version !== 0 && (!isTrusted || those.has(path));
      bucket.set(path, isUnverified ? unverified(insight) : insight);
      if (isUnverified) count++;
    }
    next[id] = hashBucket(bucket);
    if (next[id] !== stored.hash) writes.push(info.writeOfBucket(id, bucket, stored.revision));
  };
  await inParallel([...byBucket], new AbortController().signal, unverifyBucket, CONSUL_READS);
  if (JSON.stringify(next) !== JSON.stringify(index)) writes.push(info.writeOfIndex(next, revision));
  const isWritten = async (): Promise<boolean> => {
    const atOnce = await commitAtOnce(info.store, writes);
    if (atOnce.fits) return atOnce.revisions !== undefined;
    for (const write of writes) if ((await info.store.commit([write])) === undefined) return false;
    return true;
  };
  if (!(await isWritten())) {
    throw new UserError(
      `Consul ${info.store.address}: ${writes[0]?.key ?? ''}: a cycle wrote the destination's sync info at the same ` +
        'moment; no secret was changed: run "vsync verify --repair" again',
    );
  }
  return count;
}

/** Number of these paths with an unverified claim. */
export async function countUnverified(info: SyncInfo, paths: readonly string[]): Promise<number> {
  const { index } = await info.readIndex();
  if (index === undefined) return 0;
  const countIn = async ([id, those]: [number, Set<string>], signal: AbortSignal): Promise<number> => {
    const { bucket } = await info.readBucket(id, signal);
    return [...those].filter((path) => bucket?.get(path)?.version === 0).length;
  };
  const buckets = [...bucketsOf(paths, index.length)];
  const counts = await inParallel(buckets, new AbortController().signal, countIn, CONSUL_READS);
  return counts.reduce((sum, count) => sum + count, 0);
}

function bucketsOf(paths: readonly string[], numBuckets: number): Map<number, Set<string>> {
  const buckets = new Map<number, Set<string>>();
  for (const path of paths) {
    const id = bucketId(path, numBuckets);
    buckets.set(id, (buckets.get(id) ?? new Set()).add(path));
  }
  return buckets;
}
