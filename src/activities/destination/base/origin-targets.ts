import { isDeepStrictEqual } from 'node:util';
import { inParallel } from '../../../concurrency/work-pool';
import type { SyncInfo } from '../../../sync-info/sync-info';
import { CONSUL_READS } from '../../../limits';
import { grouped } from '../../../rules/bucket';
import type { Neighbours } from '../../../rules/plan';
import type { Scope } from '../../../rules/scope';

/** Where all secrets of the origin go at the destination. */
export interface Targets extends Neighbours {
  /** False if a bucket does not fit the index: some targets may be missing, others may be of yesterday. */
  readonly complete: boolean;
}

interface KnownBucket {
  readonly hash: string | undefined;
  /** Path at the origin and target of each secret that is wanted. */
  readonly targets: readonly (readonly [path: string, target: string])[];
}

/**
 * Reads the origin's buckets to know every target: two secrets that land on one path are found before anything is
 * written. A bucket is read again only when its hash in the index changed.
 */
export class OriginTargets {
  private known:
    { index: readonly string[]; buckets: Map<number, KnownBucket>; targets: Targets } | undefined;
  private reading: Promise<unknown> = Promise.resolve();

  /** @param transforms without any, no two paths have one target, and a cycle need not read the origin's buckets */
  constructor(
    private readonly info: SyncInfo,
    private readonly scope: Scope,
    private readonly transforms: boolean,
  ) {}

  /** As far as a cycle needs it: without transforms, the only secret that belongs at a path is the one of that name. */
  load(index: readonly string[], signal: AbortSignal): Promise<Targets> {
    return this.transforms ? this.loadAll(index, signal) : Promise.resolve(NO_TRANSFORMS);
  }

  /** All of them. One call after the other, because what the first has read the second need not read again. */
  loadAll(index: readonly string[], signal: AbortSignal): Promise<Targets> {
    const read = (): Promise<Targets> => this.read(index, signal);
    const reading = this.reading.then(read, read);
    this.reading = reading;
    return reading;
  }

  private async read(index: readonly string[], signal: AbortSignal): Promise<Targets> {
    const { known } = this;
    if (known !== undefined && known.targets.complete && isDeepStrictEqual(known.index, index))
      return known.targets;
    const buckets = new Map<number, KnownBucket>();
    const readOne = async (id: number, stop: AbortSignal): Promise<void> => {
      const before = known?.index.length === index.length ? known.buckets.get(id) : undefined;
      const isSame = before !== undefined && before.hash === index[id];
      buckets.set(id, isSame ? before : await this.readBucket(id, stop));
    };
    await inParallel([...index.keys()], signal, readOne, CONSUL_READS);
    const complete = index.every((hash, id) => buckets.get(id)?.hash === hash);
    const targets = targetsOf(buckets.values(), complete);
    this.known = { index, buckets, targets };
    return targets;
  }

  private async readBucket(id: number, signal: AbortSignal): Promise<KnownBucket> {
    const { bucket, hash } = await this.info.readBucket(id, signal);
    const paths = [...(bucket?.keys() ?? [])].filter((path) => this.scope.wants(path));
    return { hash, targets: paths.map((path) => [path, this.scope.target(path)] as const) };
  }
}

/** Where no two paths have one target. Whether the origin has the path itself, its bucket shows. */
export const NO_TRANSFORMS: Targets = { complete: true, others: () => [], sourcesOf: () => [] };

function targetsOf(buckets: Iterable<KnownBucket>, complete: boolean): Targets {
  const targetOf = new Map<string, string>();
  for (const { targets } of buckets) for (const [path, target] of targets) targetOf.set(path, target);
  const pathsOf = grouped(targetOf.keys(), (path) => targetOf.get(path) ?? '');
  return {
    complete,
    others: (path) => (pathsOf.get(targetOf.get(path) ?? '') ?? []).filter((other) => other !== path),
    sourcesOf: (target) => pathsOf.get(target) ?? [],
  };
}
