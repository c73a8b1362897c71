import { hash } from 'node:crypto';
import { z } from 'zod';
import { SyncInfoError } from './errors';
import type { Insight } from './insight';
import { bytewise, wellFormed } from './paths';

/** Part of the sync info: the insights of the secrets whose data paths hash to it, by data path. */
export type Bucket = ReadonlyMap<string, Insight>;

/** The most buckets that an index can have: bucket ids are a 16-bit hash modulo their number. */
export const MAX_BUCKETS = 65_535;

const insightSchema = z.object({
  version: z.int().min(0),
  updateTime: z.string(),
  type: z.string(),
});

/**
 * Which bucket a data path belongs to: the first two bytes of sha256(path), big-endian, modulo the number of
 * buckets (wire format of vsync 0.3.0).
 *
 * @param numBuckets 1 to 65,535
 * @throws RangeError if numBuckets is none of these
 */
export function bucketId(path: string, numBuckets: number): number {
  if (!Number.isInteger(numBuckets) || numBuckets < 1 || numBuckets > MAX_BUCKETS) {
    throw new RangeError(`number of buckets must be 1 to ${MAX_BUCKETS}, not ${numBuckets}`);
  }
  return pathHash(path) % numBuckets;
}

/** What decides about the bucket of a data path, 0 to 65,535: a path's bucket id is this modulo their number. */
export function pathHash(path: string): number {
  // In one call: this is done for each path of each cycle, and an object for it costs more than the hash.
  return Number.parseInt(hash('sha256', path).slice(0, 4), 16);
}

/**
 * The hash of a bucket that stands in the index: lower-case hex sha256 of what Go prints for the map,
 * `map[k1:{1 2019-05-14T23:41:52.904927369Z kvV2} k2:{…}]` (wire format of vsync 0.3.0).
 */
export function hashBucket(bucket: Bucket): string {
  const printed = sortedEntries(bucket).map(
    ([path, insight]) => `${path}:{${insight.version} ${insight.updateTime} ${insight.type}}`,
  );
  return hash('sha256', `map[${printed.join(' ')}]`);
}

/**
 * Writes a bucket as the original writes it to Consul, byte for byte: keys sorted bytewise, no spaces, and the
 * characters that Go's encoder escapes.
 */
export function serializeBucket(bucket: Bucket): string {
  return `{${sortedEntries(bucket)
    .map(([path, insight]) => member(path, insight))
    .join(',')}}`;
}

function member(path: string, { version, updateTime, type }: Insight): string {
  return `${goString(path)}:{"version":${version},"updateTime":${goString(updateTime)},"type":${goString(type)}}`;
}

/** The longest that Vault writes: a version of ten digits, and a time with all nanoseconds. */
const LONGEST_INSIGHT: Insight = {
  version: 9_999_999_999,
  updateTime: '2019-05-14T23:41:52.904927369Z',
  type: 'kvV2',
};

/** Bytes of one path and its insight in a bucket as {@link serializeBucket} writes it, with a comma, at the most. */
export function entryBytes(path: string): number {
  return Buffer.byteLength(member(path, LONGEST_INSIGHT)) + 1;
}

/**
 * Reads a bucket from Consul. Fields of an insight that this version does not know are ignored, as the original
 * does; missing or malformed ones are refused.
 *
 * @throws SyncInfoError that says what is wrong
 */
export function parseBucket(json: string): Map<string, Insight> {
  const value = parseJson(json);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new SyncInfoError('bucket', 'it is JSON, but not an object of path to insight');
  }
  const bucket = new Map<string, Insight>();
  // Own keys into a Map, not an object or z.record: a secret may be called "__proto__".
  for (const [path, candidate] of Object.entries(value)) {
    const insight = insightSchema.safeParse(candidate);
    if (!insight.success) {
      const issue = insight.error.issues[0];
      const field = issue?.path.length ? `${issue.path.join('.')}: ` : '';
      throw new SyncInfoError(
        'bucket',
        `insight of ${JSON.stringify(path)}: ${field}${issue?.message ?? 'invalid'}`,
      );
    }
    bucket.set(wellFormed(path), insight.data);
  }
  return bucket;
}

function sortedEntries(bucket: Bucket): [string, Insight][] {
  return [...bucket].sort(([a], [b]) => bytewise(a, b));
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw new SyncInfoError('bucket', 'it is not JSON');
  }
}

/** A JSON string as Go's json.Marshal writes it: also what HTML and JavaScript would misread is escaped. */
function goString(text: string): string {
  return JSON.stringify(wellFormed(text)).replace(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
