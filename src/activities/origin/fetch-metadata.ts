import { bucketId } from '../../rules/bucket';
import { compileFilter } from '../../rules/filter';
import { bytewise, dataPath, locate } from '../../rules/paths';
import { FairQueue, forAllOf } from '../../concurrency/work-pool';
import type { Staging } from '../../sync-info/staging';
import type { FetchMetadataInput, FetchMetadataResult } from '../../contract/origin';
import { ActivityError } from '../../contract/failures';
import { failureOfPath } from '../shared/failures';
import { CycleReportBuilder } from '../shared/cycle-report';
import type { OriginDeps } from './deps';
import { clockOf, insightOfKnown, knownOf } from './known';
import {
  assertSameMounts,
  bucketsOf,
  readChunk,
  readManifest,
  type End,
  type Known,
  type StagedBuckets,
  type StagedBucket,
  type StagedEnds,
} from './manifest';
import { conflict } from './missing-writes';
import { fits, type IndexedBuckets, type StoredBucket, readBuckets } from '../../sync-info/indexed-buckets';

/**
 * Reads the metadata of one chunk of paths, makes its buckets, and stages those that differ from the live ones.
 * A path whose metadata cannot be read, and all paths of an unknown folder, keep the insight that they had. Where
 * listings may lack names, a known path that they lack is read too: only a 404 for itself says that it is gone. With
 * `syncMetadata`, the same answers of Vault contain the settings of each secret. In a feed pass a chunk has only the paths
 * with hints; the rest of their buckets stays as it is. What a listing has shown of a path is not read again.
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
  const ids = bucketsOf(manifest, input.chunk, chunk);
  const bucketsIn = <T>(where: IndexedBuckets<T>): Promise<ChunkBuckets<T>> =>
    manifest.pass === true
      ? ChunkBuckets.readWhole(where, ids, numBuckets, signal)
      : ChunkBuckets.read(where, ids, numBuckets, signal);
  const insights = await bucketsIn(info);
  const settings = manifest.settings && (await bucketsIn(info.settings));

  const report = new CycleReportBuilder();
  const ends = manifest.feed && new ChunkEnds();
  const clock = clockOf(manifest);
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

  const note = (mount: string, path: string, found: Known | null): void => {
    const wirePath = dataPath(mount, path);
    report.count('read');
    // In a mount that was re-created, the answer is about another secret than the one that was known.
    if (found === null && underUnknown(wirePath)) keep(wirePath);
    else {
      insights.put(wirePath, found === null ? undefined : insightOfKnown(found));
      settings?.put(wirePath, found?.[2] === '' ? undefined : found?.[2]);
    }
    ends?.note(mount, path, found?.[3] ?? 0);
  };
  const read = async ([mount, path]: [string, string], stop: AbortSignal): Promise<void> => {
    const wirePath = dataPath(mount, path);
    try {
      const metadata = await vault.metadata(mount, path, stop);
      note(mount, path, knownOf(metadata, clock(), settings !== undefined));
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
  const known = chunk.known?.flat() ?? [];
  paths.forEach(([mount, path], at) => {
    const found = known[at];
    if (found === undefined || found === 0) ofEachMount.push(mount, [mount, path]);
    else note(mount, path, found);
  });
  progress(report.progress);
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
  const toStage: StagedBuckets = {
    v: 1,
    buckets: changed,
    ...(changedSettings.length > 0 && { settings: changedSettings }),
  };
  const isChanged = changed.length + changedSettings.length > 0;
  return {
    v: 1,
    ...(isChanged && { staged: await staging.put(toStage, signal) }),
    ...(await ends?.stage(staging, signal)),
    ...report.result(),
  };
}

/** The versions of one chunk that end by themselves. Later feed passes read them again when they have ended. */
class ChunkEnds {
  private readonly ends: End[] = [];

  /** @param endMs 0: never */
  note(mount: string, path: string, endMs: number): void {
    if (endMs > 0) this.ends.push([mount, path, endMs]);
  }

  /** In one order, so that an unchanged list is not written again. */
  async stage(staging: Staging, signal: AbortSignal): Promise<{ ends?: string; nextEndMs?: number }> {
    if (this.ends.length === 0) return {};
    const ends = this.ends.sort((a, b) => bytewise(a[0], b[0]) || bytewise(a[1], b[1]));
    const staged: StagedEnds = { v: 1, ends };
    const nextEndMs = ends.reduce((first, [, , endMs]) => Math.min(first, endMs), Infinity);
    return { ends: await staging.put(staged, signal), nextEndMs };
  }
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
  private next: ReadonlyMap<number, Map<string, T>>;

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

  /** Of a feed pass: all paths stay as they are until one is put. @throws ActivityError `Conflict` */
  static async readWhole<T>(
    info: IndexedBuckets<T>,
    ids: readonly number[],
    numBuckets: number,
    signal: AbortSignal,
  ): Promise<ChunkBuckets<T>> {
    const buckets = await ChunkBuckets.read(info, ids, numBuckets, signal);
    const { index, live } = buckets;
    const next = new Map<number, Map<string, T>>();
    for (const [id, stored] of live) {
      // The cycle has checked it before: another process writes it now. The next cycle scans.
      if (index?.length !== numBuckets || !fits(stored, index[id]))
        throw conflict(info.store, info.bucketKey(id));
      next.set(id, new Map(stored.bucket));
    }
    buckets.next = next;
    return buckets;
  }

  isOfChunk(path: string): boolean {
    return this.next.has(bucketId(path, this.numBuckets));
  }

  /** @param value undefined if there is no such secret */
  put(path: string, value: T | undefined): void {
    const bucket = this.next.get(bucketId(path, this.numBuckets));
    if (value === undefined) bucket?.delete(path);
    else bucket?.set(path, value);
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
