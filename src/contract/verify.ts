/** What verifyDestination passes through Temporal. */
import type { ActivityInput, PathFailure } from './cycle';

/** Input of verifyDestination. The command makes it. */
export interface VerifyInput {
  v: 1;
  name: string;
  fingerprint: string;
}

/** What a verify found, in secrets. */
export const NO_FINDINGS = Object.freeze({
  equal: 0,
  drift: 0,
  missing: 0,
  /** At the origin, but not in its sync info: they are not copied. */
  unpublished: 0,
  /** Changed at the origin since it published. The next cycles copy them. */
  changed: 0,
  /** Not copied at all: a collision or a loop. */
  refused: 0,
  /** Could not be read at one of the ends. */
  failed: 0,
  /** Origin buckets that do not fit their index. Their secrets were not compared. */
  unknown: 0,
  /** Left at the destination by an earlier configuration. */
  orphan: 0,
  /** At the destination, but the copy of no secret of the origin. */
  extra: 0,
});
export type VerifyCounts = Record<keyof typeof NO_FINDINGS, number>;

export interface VerifyResult {
  v: 1;
  counts: VerifyCounts;
  /** References of the staged lists of findings, in the destination's Consul. */
  lists: string[];
  notes: string[];
}

export interface BeginVerifyResult {
  v: 1;
  /** Ids of the origin's buckets, in groups of work. Empty if there is nothing to compare with. */
  groups: number[][];
  /** Of the origin's index. */
  numBuckets: number;
  notes: string[];
}

export interface VerifyReport {
  v: 1;
  counts: Partial<VerifyCounts>;
  /** Reference of the staged findings. Absent if there are none. */
  list?: string;
}

export interface VerifySecretsInput extends ActivityInput, Pick<BeginVerifyResult, 'numBuckets'> {
  buckets: number[];
}

export interface VerifySecretsResult extends VerifyReport {
  /** Buckets of the destination's info that are missing or do not fit its index. */
  distrusted: number;
}

export interface ListFoldersResult {
  v: 1;
  /** Reference of the staged chunks: what is left to list, and what was found on the way. */
  folders: string;
  /** Number of chunks, at most 32. */
  chunks: number;
  /** Folders that could not be listed, at most 20. */
  unlisted: PathFailure[];
}

export interface ListExtrasInput extends ActivityInput, Pick<ListFoldersResult, 'folders'> {
  /** 0 ≤ chunk < chunks */
  chunk: number;
}

export interface ListExtrasResult extends VerifyReport, Pick<ListFoldersResult, 'unlisted'> {
  /** False if a bucket of the origin did not fit its index: some extras may be missing. */
  complete: boolean;
}

export interface ListUnpublishedResult extends VerifyReport {
  /** Folders of the origin that could not be listed, in words, at most 21. */
  notes: string[];
}

export interface VerifyActivities {
  readonly beginVerify: (input: ActivityInput) => Promise<BeginVerifyResult>;
  readonly verifySecrets: (input: VerifySecretsInput) => Promise<VerifySecretsResult>;
  readonly listFolders: (input: ActivityInput) => Promise<ListFoldersResult>;
  readonly listExtras: (input: ListExtrasInput) => Promise<ListExtrasResult>;
  readonly listUnpublished: (input: ActivityInput) => Promise<ListUnpublishedResult>;
}
