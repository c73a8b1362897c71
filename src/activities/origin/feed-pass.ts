import { setTimeout as sleep } from 'node:timers/promises';
import { inParallel } from '../../concurrency/work-pool';
import type { SaveOriginInput } from '../../contract/origin';
import { StoredInfoError } from '../../consul/errors';
import {
  CHUNK_PATHS,
  FEED_END_LISTS,
  FEED_HINTS,
  FEED_PROOF_EVERY_MS,
  FEED_PROOF_READ_EVERY_MS,
  FEED_PROOF_WAIT_MS,
  MAX_CHUNKS,
  STAGED_AT_ONCE,
} from '../../limits';
import { bucketId, entryBytes, mostBuckets } from '../../rules/bucket';
import { decideScan, NO_RECEIVER, UNPROVEN, type ScanDecision } from '../../rules/feed';
import { compileFilter, type PathFilter } from '../../rules/filter';
import { bytewise, dataPath, type Location } from '../../rules/paths';
import { FeedRecords, type FeedDone, type NotedFeed } from '../../sync-info/feed-record';
import { fits, readBuckets, type IndexedBuckets, type StoredIndex } from '../../sync-info/indexed-buckets';
import type { Staging } from '../../sync-info/staging';
import type { MountUuids } from '../../sync-info/state';
import type { OriginDeps } from './deps';
import type { FeedView } from './feed-view';
import { readStagedEnds, type Chunk, type Manifest } from './manifest';

/*
 * Whether an origin cycle may be a feed pass, and what the pass reads. It may, if receivers can show that no audit line
 * was missed since the last full scan, and that lines still arrive. It reads the secrets with hints, and those that have
 * ended by themselves. Every doubt leads to a full scan.
 *
 * Order: the note of earlier cycles and the records of the receivers are read before anything is listed. So a hint that
 * arrives later gets a pass of its own, and a gap that is counted later gets a scan.
 */

/** What a cycle has read before it decides. */
export interface CycleStart {
  readonly index: StoredIndex;
  /** Undefined if the cycle does not publish settings. */
  readonly settingsIndex: StoredIndex | undefined;
  readonly mounts: MountUuids;
  /** Mounts that are another engine than the sync info is about. */
  readonly changed: readonly string[];
  /** `request.id` of the cycle's own requests. */
  readonly requestIds: readonly string[];
}

interface FullScan {
  readonly scan: true;
  /** For the operator: why. */
  readonly note: string;
  readonly feed: NonNullable<Manifest['feed']>;
}

export interface FeedPass {
  readonly scan: false;
  readonly note: string;
  readonly numBuckets: number;
  readonly chunks: readonly Chunk[];
  readonly feed: NonNullable<Manifest['feed']>;
}

/** Decides between a full scan and a feed pass. */
export async function decideCycle(
  deps: OriginDeps,
  feed: FeedView,
  start: CycleStart,
  signal: AbortSignal,
): Promise<FullScan | FeedPass> {
  const beganMs = Date.now();
  const ear = new Ear(deps, feed);
  let heard = await ear.listen(signal);
  let isProven: boolean | undefined;
  let decision = decisionOf(deps, start, heard, beganMs, isProven);
  if (!decision.scan) {
    isProven = mayProve(deps) && (await ear.hasProof(start.requestIds, signal));
    // After the proof: a receiver that has lost its connection counts the gap before it notes the proof.
    heard = await ear.listen(signal);
    decision = decisionOf(deps, start, heard, beganMs, isProven);
  }
  const scan = (why: string): FullScan => planOfScan(deps, start, heard, { beganMs, isProven }, why);
  if (decision.scan) return scan(decision.why);
  const pass = await planPass(deps, start, heard, beganMs, signal);
  return typeof pass === 'string' ? scan(pass) : pass;
}

/** Events are about changes only: no cycle need wait for one about its own request. */
function mayProve({ config: { origin } }: OriginDeps): boolean {
  return origin.feed?.socket !== undefined || origin.feed?.http !== undefined;
}

/** Of everything that decides what is published. */
function fingerprintOf({ fingerprint, config }: OriginDeps): string {
  return config.syncMetadata ? `${fingerprint}+settings` : fingerprint;
}

function decisionOf(
  deps: OriginDeps,
  { mounts, changed }: CycleStart,
  { done, records, damaged }: NotedFeed,
  nowMs: number,
  isProven: boolean | undefined,
): ScanDecision {
  const { tickMs, feed } = deps.config.origin;
  return decideScan({
    nowMs,
    tickMs,
    fullScanEveryMs: feed?.fullScanEveryMs ?? 0,
    fingerprint: fingerprintOf(deps),
    done,
    records,
    mounts,
    mountsChanged: changed.length > 0,
    damaged,
    isProven,
  });
}

/** Collects what the receivers of all processes have to say. */
class Ear {
  private readonly records: FeedRecords;

  constructor(
    { info }: OriginDeps,
    private readonly feed: FeedView,
  ) {
    this.records = new FeedRecords(info);
  }

  /** Of this process's receiver, its memory counts: its record may be older. */
  async listen(signal: AbortSignal): Promise<NotedFeed> {
    const noted = await this.records.readAll(signal);
    const own = this.feed.own();
    if (own === undefined) return noted;
    const others = noted.records.filter(({ receiver }) => receiver !== own.receiver);
    return { ...noted, records: [...others, own] };
  }

  /** Waits for an audit line of one of these requests, at this receiver or at another. */
  async hasProof(ids: readonly string[], signal: AbortSignal): Promise<boolean> {
    // A server or a proxy that gives no ids gives no proof either.
    if (ids.length === 0) return false;
    const beganMs = performance.now();
    let nextReadMs = FEED_PROOF_READ_EVERY_MS;
    for (;;) {
      if (this.feed.sawRequest(ids)) return true;
      const waitedMs = performance.now() - beganMs;
      if (waitedMs >= nextReadMs || waitedMs >= FEED_PROOF_WAIT_MS) {
        const { records } = await this.records.readAll(signal);
        if (records.some(({ seen }) => ids.some((id) => seen.includes(id)))) return true;
        nextReadMs = waitedMs + FEED_PROOF_READ_EVERY_MS;
      }
      if (waitedMs >= FEED_PROOF_WAIT_MS) return false;
      await sleep(FEED_PROOF_EVERY_MS, undefined, { signal });
    }
  }
}

/** What a full scan notes when it has succeeded: all that was heard before it is covered. */
function planOfScan(
  deps: OriginDeps,
  { mounts, changed }: CycleStart,
  { done, doneRevision, records }: NotedFeed,
  { beganMs, isProven }: { readonly beganMs: number; readonly isProven: boolean | undefined },
  why: string,
): FullScan {
  // A scan for another reason does not wait for a proof: what was noted about the feed stays.
  const isUnproven = isProven === undefined ? done?.scan.unproven === true : !isProven;
  const handled = handledAfter({}, done?.handled ?? {}, records);
  const isNews = records.some(({ receiver }) => handled[receiver] !== done?.handled[receiver]);
  const noted: FeedDone = {
    v: 1,
    fingerprint: fingerprintOf(deps),
    scan: {
      beganMs,
      gaps: Object.fromEntries(records.map(({ receiver, gaps }) => [receiver, gaps])),
      // After an approval of such a mount the next cycle scans.
      mounts: Object.fromEntries(Object.entries(mounts).filter(([mount]) => !changed.includes(mount))),
      partial: done?.scan.partial ?? 0,
      ...(isUnproven && { unproven: true }),
    },
    handled,
  };
  // While a feed is silent, each tick scans: without news, that must not write a key each time. That it is silent is news.
  const isSilent = why === UNPROVEN || why === NO_RECEIVER;
  const isAsBefore =
    isSilent && !isNews && done !== undefined && isUnproven === (done.scan.unproven ?? false);
  return {
    scan: true,
    note: `full scan: ${why}`,
    feed: { revision: doneRevision, done: isAsBefore ? done : noted },
  };
}

/**
 * By receiver, the last hint that is dealt with.
 *
 * @param start for receivers without a record
 */
function handledAfter(
  start: Readonly<Record<string, number>>,
  before: Readonly<Record<string, number>>,
  records: NotedFeed['records'],
): Record<string, number> {
  const handled = { ...start };
  for (const { receiver, hints } of records) {
    const last = hints.reduce((most, [seq]) => Math.max(most, seq), before[receiver] ?? 0);
    if (last > 0) handled[receiver] = last;
  }
  return handled;
}

/** @returns why the cycle has to scan, or the pass */
async function planPass(
  deps: OriginDeps,
  { index: { index }, settingsIndex }: CycleStart,
  { done, doneRevision, records }: NotedFeed,
  nowMs: number,
  signal: AbortSignal,
): Promise<FeedPass | string> {
  const { config, info, staging } = deps;
  if (done === undefined || index === undefined) return 'nothing is published yet';
  if (config.numBuckets !== 'auto' && config.numBuckets !== index.length) return 'numBuckets has changed';
  if (settingsIndex !== undefined && settingsIndex.index?.length !== index.length)
    return 'the settings are not published yet';
  const ended = await endedVersions(staging, done.ends, nowMs, signal);
  if (ended === undefined) return 'the list of versions that end is gone';

  const paths = new HintedPaths(config.origin, index.length);
  for (const { receiver, hints } of records) {
    for (const [seq, mount, rel] of hints) if (seq > (done.handled[receiver] ?? 0)) paths.add(mount, rel);
  }
  for (const [mount, rel] of ended.paths) paths.add(mount, rel);
  if (paths.count > FEED_HINTS) return 'too many secrets have changed';
  const live = await wholeBuckets(info, index, paths.buckets, signal);
  const settings = settingsIndex?.index ?? [];
  const areSettingsWhole =
    settings.length === 0 ||
    (await wholeBuckets(info.settings, settings, paths.buckets, signal)) !== undefined;
  if (live === undefined || !areSettingsWhole) return 'a bucket does not fit its index';
  if (config.numBuckets === 'auto' && outgrow(deps, index.length, paths, live))
    return 'a bucket becomes too large';

  const handled = handledAfter(done.handled, done.handled, records);
  const { ends: _, ...rest } = done;
  return {
    scan: false,
    note: noteOfPass(paths.count, done.scan.partial > 0),
    numBuckets: index.length,
    chunks: paths.chunks(),
    feed: { revision: doneRevision, done: { ...rest, handled, ...(ended.ends && { ends: ended.ends }) } },
  };
}

function noteOfPass(count: number, isPartial: boolean): string {
  const note = `feed pass: ${count} hinted ${count === 1 ? 'path' : 'paths'}`;
  return isPartial ? `${note}; some have been unknown since the last full scan` : note;
}

/** The buckets of the paths, by id; undefined if one does not fit its index. */
async function wholeBuckets<T>(
  info: IndexedBuckets<T>,
  index: readonly string[],
  ids: readonly number[],
  signal: AbortSignal,
): Promise<Map<number, Map<string, T>> | undefined> {
  const whole = new Map<number, Map<string, T>>();
  for (const [id, stored] of await readBuckets(info, ids, signal))
    if (fits(stored, index[id])) whole.set(id, stored.bucket);
  return whole.size === ids.length ? whole : undefined;
}

/** `numBuckets: auto`: whether a scan would make more buckets, by the same rule, if all these secrets exist. */
function outgrow(
  { info, maxBucketBytes }: OriginDeps,
  numBuckets: number,
  paths: HintedPaths,
  live: ReadonlyMap<number, ReadonlyMap<string, unknown>>,
): boolean {
  const { maxValueBytes } = info.store;
  if (numBuckets >= mostBuckets(maxValueBytes)) return false;
  return [...live].some(([id, bucket]) => {
    const all = new Set([...bucket.keys(), ...paths.dataPathsOf(id)]);
    const bytes = [...all].reduce((sum, path) => sum + entryBytes(path), 1);
    return bytes > (maxBucketBytes ?? maxValueBytes) / 2;
  });
}

/** Paths to read, by bucket. A hint comes from outside: what the configuration does not include is left out. */
class HintedPaths {
  private readonly byBucket = new Map<number, Map<string, Location>>();
  private readonly filter: PathFilter;
  count = 0;

  constructor(
    private readonly origin: OriginDeps['config']['origin'],
    private readonly numBuckets: number,
  ) {
    this.filter = compileFilter(origin);
  }

  get buckets(): number[] {
    return [...this.byBucket.keys()].sort((a, b) => a - b);
  }

  dataPathsOf(id: number): Iterable<string> {
    return this.byBucket.get(id)?.keys() ?? [];
  }

  add(mount: string, rel: string): void {
    if (!this.origin.mounts.includes(mount) || !isName(rel) || !this.filter.allows(mount + rel)) return;
    const path = dataPath(mount, rel);
    const id = bucketId(path, this.numBuckets);
    const bucket = this.byBucket.get(id) ?? new Map<string, Location>();
    if (!bucket.has(path)) this.count += 1;
    this.byBucket.set(id, bucket.set(path, { mount, rel }));
  }

  /** Each with whole buckets, and about CHUNK_PATHS paths. The same paths always give the same chunks. */
  chunks(): Chunk[] {
    const chunks: Location[][] = [];
    for (const id of this.buckets) {
      const inBucket = [...(this.byBucket.get(id)?.values() ?? [])];
      const last = chunks.at(-1);
      if (last !== undefined && last.length + inBucket.length <= CHUNK_PATHS) last.push(...inBucket);
      else chunks.push(inBucket);
    }
    return chunks.map((places) => {
      const byMount = new Map<string, string[]>();
      for (const { mount, rel } of places) byMount.set(mount, [...(byMount.get(mount) ?? []), rel]);
      const inOrder = [...byMount].map(([mount, rels]): [string, string[]] => [mount, rels.sort(bytewise)]);
      return { v: 1, paths: inOrder.sort(([a], [b]) => bytewise(a, b)) };
    });
  }
}

/** Whether a secret can be asked for by this name. No listing has others. */
function isName(rel: string): boolean {
  return rel.split('/').every((segment) => segment !== '' && segment !== '.' && segment !== '..');
}

interface Ended {
  readonly paths: readonly (readonly [mount: string, rel: string])[];
  /** What is noted then. Undefined if no other version ends. */
  readonly ends: FeedDone['ends'];
}

/**
 * Secrets whose version has ended by itself since the last pass that looked.
 *
 * @returns undefined if the lists have to be made anew, by a scan
 */
async function endedVersions(
  staging: Staging,
  ends: FeedDone['ends'],
  nowMs: number,
  signal: AbortSignal,
): Promise<Ended | undefined> {
  if (ends === undefined) return { paths: [], ends };
  if (ends.lists.length > FEED_END_LISTS + MAX_CHUNKS) return undefined;
  if (nowMs < ends.nextMs) return { paths: [], ends };
  const read = (reference: string, stop: AbortSignal) => readStagedEnds(staging, reference, stop);
  const lists = await inParallel(ends.lists, signal, read, STAGED_AT_ONCE).catch((error: unknown) => {
    if (error instanceof StoredInfoError) return undefined;
    throw error;
  });
  if (lists === undefined) return undefined;
  const all = lists.flatMap((list) => list.ends);
  const nextMs = all.reduce((next, [, , endMs]) => (endMs > nowMs ? Math.min(next, endMs) : next), Infinity);
  return {
    paths: all.flatMap(([mount, rel, endMs]) =>
      endMs > ends.doneMs && endMs <= nowMs ? [[mount, rel] as const] : [],
    ),
    ends: nextMs === Infinity ? undefined : { lists: ends.lists, nextMs, doneMs: nowMs },
  };
}

/**
 * What a cycle notes about the feed in its save; undefined for nothing. Until then all hints stay, so a cycle that is
 * killed before is repeated.
 */
export function doneAfter({ feed, pass }: Manifest, save: SaveOriginInput['save']): FeedDone | undefined {
  // A save that an earlier cycle left half-way: its hints are read once more.
  if (feed === undefined || save === undefined) return undefined;
  const { ends: known, ...done } = feed.done;
  const isPartial = (save.counts.unknown ?? 0) > 0;
  const lists = [...(save.ends ?? [])].sort();
  const nextMs = save.nextEndMs ?? Infinity;
  if (pass !== true) {
    const partial = isPartial ? Math.min(done.scan.partial + 1, MOST_PARTIAL) : 0;
    const ends = lists.length > 0 && { lists, nextMs, doneMs: done.scan.beganMs };
    return { ...done, scan: { ...done.scan, partial }, ...(ends && { ends }) };
  }
  // What is unknown is left to the next scan: an unreadable secret must not keep the hints of all others.
  const { scan } = done;
  const noted = isPartial
    ? { ...feed.done, scan: { ...scan, partial: Math.max(scan.partial, 1) } }
    : feed.done;
  if (lists.length === 0) return noted;
  const { lists: before, nextMs: first, doneMs } = known ?? NO_ENDS;
  const all = [...new Set([...before, ...lists])];
  return { ...noted, ends: { lists: all, nextMs: Math.min(first, nextMs), doneMs } };
}

const NO_ENDS = { lists: [], nextMs: Infinity, doneMs: 0 };

/** More partial scans in a row do not lengthen the pause between them. */
const MOST_PARTIAL = 20;
