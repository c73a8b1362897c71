import { bucketId } from '../../rules/bucket';
import { compileFilter } from '../../rules/filter';
import { insightOfMetadata } from '../../rules/insight';
import { dataPath, locate } from '../../rules/paths';
import { fingerprintOfSettings, settingsOf } from '../../rules/settings';
import { FairQueue, forAllOf } from '../../concurrency/work-pool';
import type { FetchMetadataInput, FetchMetadataResult } from '../../contract/origin';
import { ActivityError } from '../../contract/failures';
import { failureOfPath } from '../shared/failures';
import { CycleReportBuilder } from '../shared/cycle-report';
import type { OriginDeps } from './deps';
import {
  assertSameMounts,
  bucketsOfChunk,
  readChunk,
  readManifest,
  type StagedBuckets,
  type StagedBucket,
} from './manifest';
import { fits, type IndexedBuckets, type StoredBucket, readBuckets } from '../../sync-info/indexed-buckets';

/**
 * Reads the metadata of one chunk of paths, makes its buckets, and stages those that differ from the live ones.
 * A path whose metadata cannot be read, and all paths of an unknown folder, keep the insight that they had. Where
 * listings may lack names, a known path that they lack is read too: only a 404 for itself says that it is gone. With
 * `syncMetadata`, the same answers of Vault contain the settings of each secret.
 */
export async function fetchMetadata(
  deps: OriginDeps,
  input: FetchMetadataInput,
  signal: AbortSignal,
  progress: (read: number) => void,
): Promise<FetchMetadataResult> {
  const { config, vault, info, staging, room } = deps;
  const manifest = await readManifest(staging, input.manifest, signal);
  const { numBuckets } = manifest;
  const chunk = await readChunk(staging, manifest.chunks[input.chunk] ?? '', signal);
  const ids = bucketsOfChunk(input.chunk, numBuckets, manifest.chunks.length);
  const insights = await ChunkBuckets.read(info, ids, numBuckets, signal);
  const settings = manifest.settings && (await ChunkBuckets.read(info.settings, ids, numBuckets, signal));

  const report = new CycleReportBuilder();
  const keep = (path: string): void => {
    const insight = insights.known.get(path);
    if (insight === undefined && !insights.complete) throw damaged(path);
    insights.put(path, insight);
    // A lost fingerprint costs destinations one comparison of the settings. It stops nothing.
    if (insight !== undefined) settings?.put(path, settings.known.get(path));
  };
  const filter = compileFilter(config.origin);
  const underUnknown = (path: string): boolean => {
    const place = locate(path, config.origin.mounts);
    const full = place && place.mount + place.rel;
    // What the filter excludes now is not unknown: it was not requested.
    return (
      full !== undefined && filter.allows(full) && manifest.unknown.some((folder) => full.startsWith(folder))
    );
  };

  const read = async ([mount, path]: [string, string], stop: AbortSignal): Promise<void> => {
    const wirePath = dataPath(mount, path);
    try {
      const metadata = await vault.metadata(mount, path, stop);
      const insight = metadata && insightOfMetadata(metadata, Date.now());
      report.count('read');
      if (metadata && insight) {
        insights.put(wirePath, insight);
        settings?.put(wirePath, fingerprintOfSettings(settingsOf(metadata)));
      }
      // In a mount that was re-created, the answer is about another secret than the one that was known.
      else if (underUnknown(wirePath)) keep(wirePath);
    } catch (error) {
      report.fail(wirePath, failureOfPath(error, stop), 'unknown');
      keep(wirePath);
    }
    progress(report.progress);
  };
  const paths = chunk.paths.flatMap(([mount, inMount]) =>
    inMount.map((path): [string, string] => [mount, path]),
  );
  /** What was known in the buckets of this chunk, and no listing names. */
  const unlisted: string[] = [];
  if (manifest.confirmAbsent === true || manifest.unknown.length > 0) {
    const listed = new Set(paths.map(([mount, path]) => dataPath(mount, path)));
    for (const path of insights.known.keys())
      if (!listed.has(path) && insights.isOfChunk(path)) unlisted.push(path);
  }
  const ofEachMount = new FairQueue<[string, string]>();
  for (const path of paths) ofEachMount.push(path[0], path);
  for (const path of manifest.confirmAbsent === true ? unlisted : []) {
    const place = locate(path, config.origin.mounts);
    if (place && filter.allows(place.mount + place.rel) && !underUnknown(path))
      ofEachMount.push(place.mount, [place.mount, place.rel]);
  }
  await forAllOf(ofEachMount, signal, read, room);

  if (manifest.unknown.length > 0) {
    if (!insights.complete) throw damaged('A folder');
    for (const path of unlisted) if (underUnknown(path)) keep(path);
  }
  const during = { words: 'read; nothing is published', retryable: false };
  await assertSameMounts(deps, manifest.mounts, during, signal);

  const changed = insights.changed();
  const changedSettings = settings?.changed() ?? [];
  if (changed.length + changedSettings.length === 0) return { v: 1, ...report.result() };
  const toStage: StagedBuckets = {
    v: 1,
    buckets: changed,
    ...(changedSettings.length > 0 && { settings: changedSettings }),
  };
  return { v: 1, staged: await staging.put(toStage, signal), ...report.result() };
}

function damaged(what: string): ActivityError {
  return new ActivityError(
    'StoredInfoDamaged',
    `${what} cannot be read from Vault now, and the sync info that held its last known state is damaged: ` +
      'nothing is published until either can be read again',
  );
}

/** The buckets of one chunk: as they are live, what was known of their paths before, and as they are to be. */
class ChunkBuckets<T> {
  private readonly next: ReadonlyMap<number, Map<string, T>>;

  private constructor(
    private readonly info: IndexedBuckets<T>,
    private readonly index: readonly string[] | undefined,
    private readonly numBuckets: number,
    private readonly live: ReadonlyMap<number, StoredBucket<T>>,
    /** By data path. Only what fits its index is believed. */
    readonly known: ReadonlyMap<string, T>,
    /** False if some buckets could not be read: of a path that is not `known` there may have been something. */
    readonly complete: boolean,
  ) {
    this.next = new Map([...live.keys()].map((id) => [id, new Map<string, T>()]));
  }

  /** @param ids the buckets of the chunk, among `numBuckets` */
  static async read<T>(
    info: IndexedBuckets<T>,
    ids: readonly number[],
    numBuckets: number,
    signal: AbortSignal,
  ): Promise<ChunkBuckets<T>> {
    const { index } = await info.readIndex(signal);
    const live = await readBuckets(info, ids, signal);
    if (index === undefined) {
      // There may have been info before: its index is damaged or gone, and only buckets are left.
      const isFirst = [...live.values()].every(({ revision }) => revision === 0);
      return new ChunkBuckets(info, index, numBuckets, live, new Map(), isFirst);
    }
    // With another number of buckets, a path of this chunk may be in any of the old ones.
    const old = index.length === numBuckets ? live : await readBuckets(info, [...index.keys()], signal);
    const fitting = [...old].flatMap(([id, stored]) => (fits(stored, index[id]) ? [stored.bucket] : []));
    const known = new Map(fitting.flatMap((bucket) => [...bucket]));
    return new ChunkBuckets(info, index, numBuckets, live, known, fitting.length === old.size);
  }

  isOfChunk(path: string): boolean {
    return this.next.has(bucketId(path, this.numBuckets));
  }

  put(path: string, value: T | undefined): void {
    if (value !== undefined) this.next.get(bucketId(path, this.numBuckets))?.set(path, value);
  }

  /** Those that differ from what is live, or from what the index says. */
  changed(): StagedBucket[] {
    return [...this.next].flatMap(([id, bucket]) => {
      const hash = this.info.format.hash(bucket);
      const stored = this.live.get(id);
      const entry = this.index?.length === this.numBuckets ? this.index[id] : undefined;
      if (stored?.hash === hash && entry === hash) return [];
      const json = stored?.hash === hash ? {} : { json: this.info.format.serialize(bucket) };
      return [{ id, hash, revision: stored?.revision ?? 0, ...json }];
    });
  }
}
