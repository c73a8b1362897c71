import pLimit from 'p-limit';
import { bucketId, hashBucket, serializeBucket } from '../../sync/bucket';
import { compileFilter } from '../../sync/filter';
import { insightOfMetadata, type Insight } from '../../sync/insight';
import { dataPath, locate } from '../../sync/paths';
import type { StoredBucket, SyncInfo } from '../../consul/sync-info';
import type { FetchMetadataInput, FetchMetadataResult } from '../../workflows/messages';
import { ActivityError, pathFailureClass } from '../failures';
import { inParallel } from '../in-parallel';
import { CONSUL_READS } from '../limits';
import { changedMounts, readMounts } from '../mounts';
import { OutageDetector } from '../outage';
import { TallyBuilder } from '../tally';
import type { OriginDeps } from './deps';
import { bucketsOfChunk, readChunk, readManifest, type StagedBuckets } from './manifest';

/**
 * Reads the metadata of one chunk of paths, makes its buckets, and stages those that differ from the live ones.
 * A path whose metadata cannot be read, and all paths of an unknown folder, keep the insight that they had.
 */
export async function fetchMetadata(
  { config, vault, info, staging }: OriginDeps,
  input: FetchMetadataInput,
  signal: AbortSignal,
  progress: (read: number) => void,
): Promise<FetchMetadataResult> {
  const manifest = await readManifest(staging, input.manifest, signal);
  const { numBuckets } = manifest;
  const chunk = await readChunk(staging, manifest.chunks[input.chunk] ?? '', signal);
  const ids = bucketsOfChunk(input.chunk, numBuckets, manifest.chunks.length);
  const { index } = await info.readIndex(signal);
  const live = await readBuckets(info, ids, signal);
  const previous = await previousInsights(info, index, numBuckets, live, signal);

  const tally = new TallyBuilder();
  const outage = new OutageDetector();
  const buckets = new Map(ids.map((id) => [id, new Map<string, Insight>()]));
  const put = (path: string, insight: Insight): void => {
    buckets.get(bucketId(path, numBuckets))?.set(path, insight);
  };
  const keep = (path: string): void => {
    const insight = previous.get(path);
    if (insight !== undefined) put(path, insight);
  };
  const filter = compileFilter(config.origin);
  const underUnknown = (path: string): boolean => {
    const place = locate(path, config.origin.mounts);
    const full = place && place.mount + place.rel;
    // What is filtered by now is not unknown: nobody has asked for it.
    return (
      full !== undefined && filter.allows(full) && manifest.unknown.some((folder) => full.startsWith(folder))
    );
  };

  const read = async ([mount, path]: [string, string], stop: AbortSignal): Promise<void> => {
    const wirePath = dataPath(mount, path);
    try {
      const metadata = await vault.metadata(mount, path, stop);
      outage.succeeded();
      const insight = metadata && insightOfMetadata(metadata, Date.now());
      tally.count('read');
      if (insight !== undefined) put(wirePath, insight);
      else if (metadata === undefined && underUnknown(wirePath)) keep(wirePath);
    } catch (error) {
      if (stop.aborted) throw error;
      outage.failed(error);
      tally.fail(wirePath, pathFailureClass(error), 'unknown');
      keep(wirePath);
    }
    progress(tally.progress);
  };
  const paths = chunk.paths.flatMap(([mount, inMount]) =>
    inMount.map((path): [string, string] => [mount, path]),
  );
  await inParallel(paths, signal, read);

  if (manifest.unknown.length > 0) {
    const listed = new Set(paths.map(([mount, path]) => dataPath(mount, path)));
    for (const path of previous.all()) {
      if (!listed.has(path) && underUnknown(path)) keep(path);
    }
  }
  await assertSameMounts(vault, config.origin.mounts, manifest.mounts, signal);

  const changed: StagedBuckets['buckets'] = [];
  for (const [id, bucket] of buckets) {
    const hash = hashBucket(bucket);
    const stored = live.get(id);
    const entry = index?.length === numBuckets ? index[id] : undefined;
    if (stored?.hash === hash && entry === hash) continue;
    const json = stored?.hash === hash ? {} : { json: serializeBucket(bucket) };
    changed.push({ id, hash, revision: stored?.revision ?? 0, ...json });
  }
  if (changed.length === 0) return { v: 1, ...tally.result() };
  const staged = await staging.put({ v: 1, buckets: changed } satisfies StagedBuckets, signal);
  return { v: 1, staged, ...tally.result() };
}

async function readBuckets(
  info: SyncInfo,
  ids: readonly number[],
  signal: AbortSignal,
): Promise<Map<number, StoredBucket>> {
  const limit = pLimit(CONSUL_READS);
  return new Map(
    await Promise.all(ids.map((id) => limit(async () => [id, await info.readBucket(id, signal)] as const))),
  );
}

/**
 * The insights that the live sync info holds. Only what fits its index is believed.
 */
async function previousInsights(
  info: SyncInfo,
  index: readonly string[] | undefined,
  numBuckets: number,
  live: ReadonlyMap<number, StoredBucket>,
  signal: AbortSignal,
): Promise<Previous> {
  if (index === undefined) {
    // There may have been info before: its index is damaged or gone, and only buckets are left.
    const isFirst = [...live.values()].every(({ revision }) => revision === 0);
    return new Previous([], !isFirst);
  }
  // With another number of buckets, a path of this chunk may stand in any of the old ones.
  const old = index.length === numBuckets ? live : await readBuckets(info, [...index.keys()], signal);
  const fits = [...old].filter(([id, { hash }]) => hash === index[id]);
  return new Previous(
    fits.flatMap(([, { bucket }]) => [...(bucket ?? [])]),
    fits.length < old.size,
  );
}

class Previous {
  private readonly insights: ReadonlyMap<string, Insight>;

  constructor(
    insights: [string, Insight][],
    /** Some buckets could not be read: a path that is not here may have had an insight. */
    private readonly incomplete: boolean,
  ) {
    this.insights = new Map(insights);
  }

  /** @throws ActivityError if some of them cannot be told */
  all(): Iterable<string> {
    if (this.incomplete) throw this.damaged('A folder');
    return this.insights.keys();
  }

  /** @throws ActivityError if nobody can tell what was known of this path */
  get(path: string): Insight | undefined {
    const insight = this.insights.get(path);
    if (insight === undefined && this.incomplete) throw this.damaged(path);
    return insight;
  }

  private damaged(what: string): ActivityError {
    return new ActivityError(
      'StoredInfoDamaged',
      `${what} cannot be read from Vault now, and the sync info that held its last known state is damaged: ` +
        'nothing is published until either can be read again',
    );
  }
}

async function assertSameMounts(
  vault: OriginDeps['vault'],
  mounts: readonly string[],
  expected: Record<string, string>,
  signal: AbortSignal,
): Promise<void> {
  const [changed] = changedMounts(expected, await readMounts(vault, mounts, 'origin.mounts', signal));
  if (changed === undefined) return;
  throw new ActivityError(
    'MountChanged',
    `Vault ${vault.client.address}: mount ${changed} was re-created while it was being read; nothing is published`,
  );
}
