import { hash } from 'node:crypto';
import { z } from 'zod';
import type { Insight } from './insight';
import { bytewise, wellFormed } from './paths';

/* The wire format of vsync 0.3.0: buckets of insights, and the index with the hash of each bucket. */

/** A part of the sync info: the insights of the secrets whose data paths hash to it, by data path. */
export type Bucket = ReadonlyMap<string, Insight>;

/** The index of the sync info: the hash of each bucket, in bucket order. */
export type SyncIndex = readonly string[];

/** A value read from Consul is not sync info. The caller adds the key. */
export class SyncInfoError extends Error {
  override readonly name = 'SyncInfoError';

  constructor(
    readonly part: 'index' | 'bucket' | 'settings bucket' | 'list of ends',
    readonly problem: string,
  ) {
    super(`not a valid ${part} of sync info: ${problem}`);
  }
}

/** Maximum of buckets in an index: bucket ids are a 16-bit hash modulo the number of buckets. */
export const MAX_BUCKETS = 65_535;

/** Maximum of buckets that an origin writes: their index must fit one value of a Consul with its default limits. */
export const MAX_NUM_BUCKETS = 7_000;

/** A hash in sync info. */
export const SHA256 = z
  .string('must be a sha256 in lower-case hex')
  .regex(/^[0-9a-f]{64}$/, 'must be a sha256 in lower-case hex');

const insightSchema = z.object({
  version: z.int().min(0),
  updateTime: z.string(),
  type: z.string(),
});

const indexSchema = z
  .array(SHA256, 'must be an array')
  .min(1, 'must have at least one bucket')
  .max(MAX_BUCKETS, `must have at most ${MAX_BUCKETS} buckets`);

/** The bucket of a data path: the first two bytes of sha256(path), big-endian, modulo the number of buckets. */
export function bucketId(path: string, numBuckets: number): number {
  if (!Number.isInteger(numBuckets) || numBuckets < 1 || numBuckets > MAX_BUCKETS) {
    throw new RangeError(`number of buckets must be 1 to ${MAX_BUCKETS}, not ${numBuckets}`);
  }
  return pathHash(path) % numBuckets;
}

/** The paths by what `keyOf` gives for each. */
export function grouped<K>(paths: Iterable<string>, keyOf: (path: string) => K): Map<K, string[]> {
  const groups = new Map<K, string[]>();
  for (const path of paths) {
    const key = keyOf(path);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [path]);
    else group.push(path);
  }
  return groups;
}

/** The first two bytes of sha256(path), 0 to 65,535. */
function pathHash(path: string): number {
  // One call, for each path of each cycle: a hash object would cost more than the hash.
  return Number.parseInt(hash('sha256', path).slice(0, 4), 16);
}

/**
 * The hash of a bucket in the index: lower-case hex sha256 of what Go prints for the map,
 * `map[k1:{1 2019-05-14T23:41:52.904927369Z kvV2} k2:{…}]`.
 */
export function hashBucket(bucket: Bucket): string {
  const printed = sortedEntries(bucket).map(
    ([path, insight]) => `${path}:{${insight.version} ${insight.updateTime} ${insight.type}}`,
  );
  return hash('sha256', `map[${printed.join(' ')}]`);
}

/** Writes a bucket byte for byte as the original: keys sorted bytewise, no spaces, and the escapes of Go's encoder. */
export function serializeBucket(bucket: Bucket): string {
  const members = sortedEntries(bucket).map(([path, insight]) => member(path, insight));
  return `{${members.join(',')}}`;
}

function member(path: string, { version, updateTime, type }: Insight): string {
  return `${goString(path)}:{"version":${version},"updateTime":${goString(updateTime)},"type":${goString(type)}}`;
}

function sortedEntries<T>(bucket: ReadonlyMap<string, T>): [string, T][] {
  return [...bucket].sort(([a], [b]) => bytewise(a, b));
}

/** A JSON string as Go's json.Marshal writes it: characters that HTML and JavaScript would misread are escaped too. */
function goString(text: string): string {
  return JSON.stringify(wellFormed(text)).replace(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** The longest insight that Vault writes: a version of ten digits, and a time with all nanoseconds. */
const LONGEST_INSIGHT: Insight = {
  version: 9_999_999_999,
  updateTime: '2019-05-14T23:41:52.904927369Z',
  type: 'kvV2',
};

/** Maximum of bytes that one path and its insight take in a bucket of {@link serializeBucket}, with a comma. */
export function entryBytes(path: string): number {
  return Buffer.byteLength(member(path, LONGEST_INSIGHT)) + 1;
}

/** Reads a bucket from Consul. As in the original, unknown fields of an insight are ignored. Throws SyncInfoError. */
export function parseBucket(json: string): Map<string, Insight> {
  return parseEntries('bucket', json, 'insight', insightSchema);
}

/** Reads a JSON object of data path to an entry, which has a name for messages. Throws SyncInfoError. */
export function parseEntries<T>(
  part: SyncInfoError['part'],
  json: string,
  entry: string,
  schema: z.ZodType<T>,
): Map<string, T> {
  const value = parsePart(part, json);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new SyncInfoError(part, `it is JSON, but not an object of path to ${entry}`);
  }
  const entries = new Map<string, T>();
  // Not z.record, which makes an object: a secret may be called "__proto__".
  for (const [path, candidate] of Object.entries(value)) {
    const read = schema.safeParse(candidate);
    if (!read.success) {
      const { path: fieldPath = [], message = 'invalid' } = read.error.issues[0] ?? {};
      const field = fieldPath.length > 0 ? `${fieldPath.join('.')}: ` : '';
      throw new SyncInfoError(part, `${entry} of ${JSON.stringify(path)}: ${field}${message}`);
    }
    entries.set(wellFormed(path), read.data);
  }
  return entries;
}

/** Writes the object that {@link parseEntries} reads: keys sorted by bytes, no spaces. */
export function serializeEntries(entries: ReadonlyMap<string, unknown>): string {
  const members = sortedEntries(entries).map(
    ([path, entry]) => `${JSON.stringify(wellFormed(path))}:${JSON.stringify(entry)}`,
  );
  return `{${members.join(',')}}`;
}

function parsePart(part: SyncInfoError['part'], json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw new SyncInfoError(part, 'it is not JSON');
  }
}

/** Reads an index from Consul. Throws SyncInfoError. */
export function parseIndex(json: string): string[] {
  const index = indexSchema.safeParse(parsePart('index', json));
  if (index.success) return index.data;
  const issue = index.error.issues[0];
  const entry = issue?.path.length ? `hash of bucket ${issue.path.join('.')}: ` : '';
  throw new SyncInfoError('index', `${entry}${issue?.message ?? 'invalid'}`);
}

/** Writes an index as the original writes it to Consul. */
export function serializeIndex(index: SyncIndex): string {
  return JSON.stringify(index);
}

/** The index of `numBuckets` empty buckets: a destination without sync info starts with it. */
export function emptyIndex(numBuckets: number): string[] {
  return new Array<string>(numBuckets).fill(hashBucket(new Map()));
}

/** One hash for an index: lower-case hex sha256 of its JSON. It is not part of the original's format. */
export function hashOfIndex(index: SyncIndex): string {
  return hash('sha256', serializeIndex(index));
}

/** Ids of the buckets that differ, ascending. All, if the destination has no index of this length: paths move then. */
export function differingBuckets(origin: SyncIndex, destination: SyncIndex | undefined): number[] {
  const ids = [...origin.keys()];
  if (destination?.length !== origin.length) return ids;
  return ids.filter((id) => origin[id] !== destination[id]);
}

/** Bytes of one bucket in the index: 64 digits, two quotes and a comma. */
const ENTRY_BYTES = 67;

/** Maximum of buckets whose index fits one value of this size in bytes. */
export function mostBuckets(valueBytes: number): number {
  return Math.max(1, Math.min(MAX_NUM_BUCKETS, Math.floor((valueBytes - 1) / ENTRY_BYTES)));
}

/**
 * The smallest number of buckets that keeps each bucket within `bucketBytes`: `atLeast` itself, or a power of two above
 * it, or `most`; undefined if that is not enough. Powers of two, because each change makes all destinations compare all
 * their buckets. A listing has no versions and times, so each insight counts with the longest possible ones.
 */
export function numBucketsFor(
  paths: Iterable<string>,
  { atLeast, bucketBytes, most = MAX_NUM_BUCKETS }: { atLeast: number; bucketBytes: number; most?: number },
): number | undefined {
  const entries = Array.from(paths, (path) => ({ hash: pathHash(path), bytes: entryBytes(path) }));
  const powers = Array.from({ length: 13 }, (_, exponent) => 2 ** exponent);
  const larger = [...powers, most].filter((number) => number > atLeast && number <= most);
  return [atLeast, ...larger].find((numBuckets) => {
    const sizes = new Float64Array(numBuckets).fill(1); // two braces, and one comma less than entries
    for (const { hash, bytes } of entries) {
      const id = hash % numBuckets;
      sizes[id] = (sizes[id] ?? 0) + bytes;
    }
    return sizes.every((bytes) => bytes <= bucketBytes);
  });
}

/**
 * The origin version: one text for everything that a destination deals with in one cycle. It is the hash of the origin's
 * index. With `syncMetadata`, "+" and the hash of the index of the settings follow. The state stores it as `considered`.
 */
export function originVersionOf(index: SyncIndex, settings?: SyncIndex): string {
  const insights = hashOfIndex(index);
  return settings === undefined ? insights : `${insights}+${hashOfIndex(settings)}`;
}

/** Whether an origin version is about this index, with any settings. */
export function isVersionOf(version: string, index: SyncIndex): boolean {
  return version.split('+')[0] === hashOfIndex(index);
}
