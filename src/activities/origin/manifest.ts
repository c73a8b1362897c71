import { z } from 'zod';
import { changedMounts, readMounts } from '../../access/mounts';
import { StoredInfoError } from '../../consul/errors';
import { ActivityError } from '../../contract/failures';
import { FeedDoneSchema } from '../../sync-info/feed-record';
import { bucketId } from '../../rules/bucket';
import { dataPath } from '../../rules/paths';
import type { Staging } from '../../sync-info/staging';
import type { OriginDeps } from './deps';

/** What one walk of the origin found: staged by listPaths, read by all that follows in the cycle. */
const ManifestSchema = z.object({
  v: z.literal(1),
  numBuckets: z.number().int().positive(),
  /** uuid of each mount during the walk. */
  mounts: z.record(z.string(), z.string()),
  /** Folders whose listing failed, as mount and path, ending in "/": what was known below them is kept. */
  unknown: z.array(z.string()),
  /** Present if listings may lack names: a known secret that they lack is asked for by itself. */
  confirmAbsent: z.literal(true).optional(),
  /** Present if this cycle reads the settings of the secrets too. */
  settings: z.literal(true).optional(),
  /** Present in a feed pass: the chunks hold only the paths to read, and all others stay as they are. */
  pass: z.literal(true).optional(),
  /** What is noted about the feed if this cycle leaves nothing unknown. Absent if nothing is to be noted. */
  feed: z
    .object({
      /** ModifyIndex of the note before the work began. */
      revision: z.number().int().min(0),
      done: FeedDoneSchema,
    })
    .optional(),
  /** References of the staged chunks. Chunk i of a scan holds the paths of the buckets that `bucketsOfChunk` gives. */
  chunks: z.array(z.string()),
});
export type Manifest = z.infer<typeof ManifestSchema>;

/** Of the current version of a secret: version, `created_time`, fingerprint of the settings or "", and its end (ms) or 0. */
const KnownSchema = z.tuple([z.number(), z.string(), z.string(), z.number()]);
export type Known = z.infer<typeof KnownSchema>;

/** Paths of one chunk: by mount, the paths in it. */
const ChunkSchema = z.object({
  v: z.literal(1),
  paths: z.array(z.tuple([z.string(), z.array(z.string())])),
  /** What the listing showed of each path, in the same order. null: nothing to publish; 0: to be read singly. */
  known: z.array(z.array(z.union([KnownSchema, z.null(), z.literal(0)]))).optional(),
});
export type Chunk = z.infer<typeof ChunkSchema>;

const StagedBucketSchema = z.object({
  id: z.number().int().min(0),
  hash: z.string(),
  /** ModifyIndex of the live bucket before its metadata was read. */
  revision: z.number().int().min(0),
  /** The bucket in wire format; absent if the live bucket already holds it and only the index lacks it. */
  json: z.string().optional(),
});
export type StagedBucket = z.infer<typeof StagedBucketSchema>;

/** Buckets of one chunk that have to be written: staged by fetchMetadata, written by saveSyncInfo. */
const StagedBucketsSchema = z.object({
  v: z.literal(1),
  buckets: z.array(StagedBucketSchema),
  /** The same for the fingerprints of settings. */
  settings: z.array(StagedBucketSchema).optional(),
});
export type StagedBuckets = z.infer<typeof StagedBucketsSchema>;

/** Versions that end by themselves: staged by fetchMetadata, read by the feed pass that handles their ends. */
const StagedEndsSchema = z.object({
  v: z.literal(1),
  ends: z.array(z.tuple([z.string(), z.string(), z.number()])),
});
/** Mount, path in it, and when its current version ends, in milliseconds since 1970. */
export type End = [mount: string, path: string, endMs: number];
export type StagedEnds = z.infer<typeof StagedEndsSchema>;

export const readManifest = readerOf(ManifestSchema);
export const readChunk = readerOf(ChunkSchema);
export const readStagedBuckets = readerOf(StagedBucketsSchema);
export const readStagedEnds = readerOf(StagedEndsSchema);

function readerOf<T>(schema: z.ZodType<T>) {
  return async (staging: Staging, reference: string, signal?: AbortSignal): Promise<T> => {
    const { success, data } = schema.safeParse(await staging.get(reference, signal));
    if (success) return data;
    throw new StoredInfoError('', `staging/${reference}`, 'a staged list of another version of vsync');
  };
}

/** Throws ActivityError `MountChanged`: a re-created mount answers like one whose secrets were all deleted. */
export async function assertSameMounts(
  { vault, config }: OriginDeps,
  expected: Readonly<Record<string, string>>,
  during: { readonly words: string; readonly retryable: boolean },
  signal: AbortSignal,
): Promise<void> {
  const now = await readMounts(vault, config.origin.mounts, 'origin.mounts', signal);
  const [changed] = changedMounts(expected, now);
  if (changed === undefined) return;
  const what = `mount ${changed} was re-created while it was being ${during.words}`;
  throw new ActivityError('MountChanged', `Vault ${vault.client.address}: ${what}`, during.retryable);
}

/** The buckets that a chunk is about. */
export function bucketsOf(
  { pass, numBuckets, chunks }: Manifest,
  number: number,
  { paths }: Chunk,
): number[] {
  if (pass === undefined) return bucketsOfChunk(number, numBuckets, chunks.length);
  const ids = paths.flatMap(([mount, inMount]) =>
    inMount.map((path) => bucketId(dataPath(mount, path), numBuckets)),
  );
  return [...new Set(ids)].sort((a, b) => a - b);
}

/** The chunk that a bucket belongs to. Fixed by the numbers alone, so that one more secret moves no other one. */
export function chunkOfBucket(id: number, numBuckets: number, chunks: number): number {
  return Math.floor((id * chunks) / numBuckets);
}

/** The buckets of one chunk, ascending. */
export function bucketsOfChunk(chunk: number, numBuckets: number, chunks: number): number[] {
  const first = Math.ceil((chunk * numBuckets) / chunks);
  const next = Math.ceil(((chunk + 1) * numBuckets) / chunks);
  return Array.from({ length: next - first }, (_, position) => first + position);
}
