import { hash } from 'node:crypto';
import { z } from 'zod';
import { SyncInfoError } from './errors';
import type { Insight } from './insight';
import { bytewise, wellFormed } from './paths';

/** A part of the sync info: the insights of the secrets whose data paths hash to it, by data path. */
export type Bucket = ReadonlyMap<string, Insight>;

/** Maximum of buckets in an index: bucket ids are a 16-bit hash modulo the number of buckets. */
export const MAX_BUCKETS = 65_535;

/** A hash in sync info. */
export const SHA256 = z
  .string('must be a sha256 in lower-case hex')
  .regex(/^[0-9a-f]{64}$/, 'must be a sha256 in lower-case hex');

const insightSchema = z.object({
  version: z.int().min(0),
  updateTime: z.string(),
  type: z.string(),
});

/**
 * The bucket of a data path: the first two bytes of sha256(path), big-endian, modulo the number of
 * buckets (wire format of vsync 0.3.0).
 *
 * @param numBuckets 1 to 65,535
 * @throws RangeError if numBuckets is outside of that
 */
export function bucketId(path: string, numBuckets: number): number {
  if (!Number.isInteger(numBuckets) || numBuckets < 1 || numBuckets > MAX_BUCKETS) {
    throw new RangeError(`number of buckets must be 1 to ${MAX_BUCKETS}, not ${numBuckets}`);
  }
  return pathHash(path) % numBuckets;
}

/** The first two bytes of sha256(path), 0 to 65,535: the bucket id is this modulo the number of buckets. */
export function pathHash(path: string): number {
  // One call, for each path of each cycle: a hash object would cost more than the hash.
  return Number.parseInt(hash('sha256', path).slice(0, 4), 16);
}

/**
 * The hash of a bucket in the index: lower-case hex sha256 of what Go prints for the map,
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

/**
 * Reads a bucket from Consul. As in the original, unknown fields of an insight are ignored. Missing or malformed ones are
 * refused.
 *
 * @throws SyncInfoError with what is wrong
 */
export function parseBucket(json: string): Map<string, Insight> {
  return parseEntries('bucket', json, 'insight', insightSchema);
}

/**
 * Reads a JSON object of data path to an entry.
 *
 * @param entry name of an entry, for messages
 * @throws SyncInfoError with what is wrong
 */
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

/** @throws SyncInfoError if the text is not JSON */
export function parsePart(part: SyncInfoError['part'], json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw new SyncInfoError(part, 'it is not JSON');
  }
}

function sortedEntries(bucket: Bucket): [string, Insight][] {
  return [...bucket].sort(([a], [b]) => bytewise(a, b));
}

/** A JSON string as Go's json.Marshal writes it: characters that HTML and JavaScript would misread are escaped too. */
function goString(text: string): string {
  return JSON.stringify(wellFormed(text)).replace(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
