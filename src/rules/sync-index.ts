import { createHash } from 'node:crypto';
import { z } from 'zod';
import { hashBucket, MAX_BUCKETS } from './bucket';
import { SyncInfoError } from './errors';

/** The index of the sync info: the hash of each bucket, in bucket order. */
export type SyncIndex = readonly string[];

const indexSchema = z
  .array(z.string().regex(/^[0-9a-f]{64}$/, 'must be a sha256 in lower-case hex'), 'must be an array')
  .min(1, 'must have at least one bucket')
  .max(MAX_BUCKETS, `must have at most ${MAX_BUCKETS} buckets`);

/**
 * Reads an index from Consul.
 *
 * @throws SyncInfoError that says what is wrong
 */
export function parseIndex(json: string): string[] {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw new SyncInfoError('index', 'it is not JSON');
  }
  const index = indexSchema.safeParse(value);
  if (index.success) return index.data;
  const issue = index.error.issues[0];
  const entry = issue?.path.length ? `hash of bucket ${issue.path.join('.')}: ` : '';
  throw new SyncInfoError('index', `${entry}${issue?.message ?? 'invalid'}`);
}

/** Writes an index as the original writes it to Consul. */
export function serializeIndex(index: SyncIndex): string {
  return JSON.stringify(index);
}

/** The index of `numBuckets` empty buckets: what a destination without sync info starts with. */
export function emptyIndex(numBuckets: number): string[] {
  return new Array<string>(numBuckets).fill(hashBucket(new Map()));
}

/** Names an index by one hash: lower-case hex sha256 of its JSON. Our own; not part of the original's format. */
export function hashOfIndex(index: SyncIndex): string {
  return createHash('sha256').update(serializeIndex(index)).digest('hex');
}

/**
 * The ids of the buckets that differ, ascending. All of the origin's if the destination has no index, or one of
 * another length: then every path may be in another bucket.
 */
export function differingBuckets(origin: SyncIndex, destination: SyncIndex | undefined): number[] {
  const ids = [...origin.keys()];
  if (destination?.length !== origin.length) return ids;
  return ids.filter((id) => origin[id] !== destination[id]);
}
