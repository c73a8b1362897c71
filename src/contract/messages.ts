/**
 * Everything that passes through Temporal: inputs and results of workflows, activities and signals. All of it
 * lands in histories that operators can read, so nothing here may hold a secret value, and everything is small:
 * numbers, hashes, and capped lists. Each message is one object with a version of its own, so that fields can
 * be added without breaking histories that are still running.
 */

import type { ExpirySummary } from '../rules/expiry';

/** How a cycle ended. One that failed or was cancelled ends its workflow so, and has no result. */
export type Outcome = 'synced' | 'unchanged' | 'partial' | 'held' | 'timed-out' | 'cancelled' | 'failed';

/** `synced` and `unchanged` are the same standing: all is well. */
export function standingOf(outcome: Outcome | undefined): Outcome {
  return outcome === undefined || outcome === 'unchanged' ? 'synced' : outcome;
}

/** What a cycle did, in secrets. Absent counts are 0. */
export interface Counts {
  /** Paths that the origin's listings gave. */
  listed: number;
  /** Metadata (origin cycle) or values (destination cycle) that were read from the origin. */
  read: number;
  added: number;
  updated: number;
  deleted: number;
  /** Settings that were written at the destination (`syncMetadata`). */
  settings: number;
  /** Left alone on purpose: already equal, or changed again since the origin's sync info was written. */
  skipped: number;
  /** Absent from the origin's info, but kept at the destination (`ignoreDeletes`, or the origin still serves it). */
  held: number;
  /** Not known to be there or gone: their previous insight was kept. */
  unknown: number;
  failed: number;
}

/** One path that went wrong. */
export interface PathFailure {
  /** Path at the origin, or a folder ending in "/". */
  path: string;
  /** One of a closed set, for example `forbidden` or `too-large`. */
  class: string;
  /** Another path that has to do with it: the other one of a collision, or where a loop would write. */
  with?: string;
}

/** Input of originCycle and destinationCycle: made by the schedule, the same for every cycle. */
export interface CycleInput {
  v: 1;
  name: string;
  /** Of the configuration that the schedule was made from; a worker that has another one refuses the work. */
  fingerprint: string;
  timeoutMs: number;
}

/** Result of originCycle and destinationCycle. */
export interface CycleResult {
  v: 1;
  outcome: Outcome;
  counts: Counts;
  /** The first of the failures; `counts.failed` and `counts.unknown` tell how many there were. */
  failures: PathFailure[];
  /** Milliseconds per step, in the order of the steps. */
  durationsMs: Record<string, number>;
  /** What an operator should know about an outcome that explains itself badly. */
  note?: string;
}

/** What every activity of a cycle gets. */
export interface ActivityInput {
  v: 1;
  fingerprint: string;
}

/** Counts and failures of one activity's part of the work. */
export interface Tally {
  counts: Partial<Counts>;
  failures: PathFailure[];
}

export interface TellOutagesInput extends ActivityInput {
  /** Milliseconds since the epoch: outages that lasted then, or began later. */
  sinceMs: number;
}

export interface TellOutagesResult {
  v: 1;
  /** Each in words, at most 3: which Vault, what was wrong, since when, until when. */
  outages: string[];
}

// ---- origin ------------------------------------------------------------------------------------------------

export interface OriginPreflightResult {
  v: 1;
  /** A save that stopped half-way: it has to be finished before anything else. */
  pendingSave: boolean;
}

/**
 * What the results of all activities say that split work, or do a part of it. In the results, so that a cycle that is
 * under way while the number changes is replayed with the one that it had.
 */
export interface SharesAtOnce {
  /** Chunks or groups that the workers take at the same time now. Absent if Temporal could not tell, and in older results. */
  atOnce?: number;
}

export interface ListPathsResult extends Tally, SharesAtOnce {
  v: 1;
  /** Reference of the staged manifest, which holds the chunks, the unknown folders and the mounts' identities. */
  manifest: string;
  /** Number of chunks, at most 128. */
  chunks: number;
  /** ModifyIndex of the origin's index before the work started; 0 if there is none. */
  indexRevision: number;
  /** The same of the index of the settings; absent if this cycle does not look after settings. */
  settingsIndexRevision?: number;
}

export interface FetchMetadataInput extends ActivityInput {
  manifest: string;
  /** 0 ≤ chunk < chunks */
  chunk: number;
}

export interface FetchMetadataResult extends Tally, SharesAtOnce {
  v: 1;
  /** Reference of the staged buckets that have to be written; undefined if none of this chunk has. */
  staged?: string;
}

export interface SaveOriginInput extends ActivityInput {
  /** Undefined: finish the save that stopped half-way. */
  save?: {
    manifest: string;
    staged: string[];
    /** As from listPaths. */
    indexRevision: number;
    /** As from listPaths. */
    settingsIndexRevision?: number;
    outcome: Outcome;
    counts: Partial<Counts>;
  };
}

export interface SaveOriginResult {
  v: 1;
  /** Keys that were written; 0 if nothing had to be. */
  writes: number;
}

// ---- destination -------------------------------------------------------------------------------------------

export interface DestinationPreflightResult extends Tally {
  v: 1;
  /**
   * uuid of each origin mount as the destination remembers it; where a mount has another one now, the
   * remembered one stands here, and nothing of that mount is deleted.
   */
  mounts: Record<string, string>;
  /** uuid now of the origin mounts whose remembered one stands in `mounts`. */
  changedMounts: Record<string, string>;
  /** uuid of each mount of the destination now. */
  ownMounts: Record<string, string>;
  /**
   * Something is not what it was when the last cycle ended: the configuration (a transform, a mount, a Vault) or a
   * mount of the destination. What its info claims may stand elsewhere, or nowhere.
   */
  changed: boolean;
  /** What the last cycle left behind; undefined if there was none, or if this one has something new to write down. */
  left?: { considered: string; outcome: Outcome };
  /** Hash of the list of orphans that an operator wants removed. */
  removeOrphans?: string;
  /** Copies may have ended by themselves since the last cycle. */
  expired?: true;
}

export interface DiffIndicesInput extends ActivityInput {
  /** As from preflight. */
  changed: boolean;
  /** As from preflight. */
  expired?: true;
}

export interface DiffIndicesResult {
  v: 1;
  /**
   * Names the origin's index, and that of its settings where they are carried over; undefined if the origin has not
   * written any info yet.
   */
  considered?: string;
  /** ModifyIndex of the destination's index before the work started; 0 if there is none. */
  indexRevision: number;
  /** The claims have to be moved before anything can be compared: the number of buckets or the configuration changed. */
  move: boolean;
  /** Ids of the buckets that differ, in groups of work; at most 32 groups. */
  groups: number[][];
  /** Secrets that are kept on purpose in buckets that need not be looked at again. */
  held: number;
  /** ModifyIndex of the index of the destination's settings, 0 if there is none; undefined if none are carried over. */
  settingsRevision?: number;
  /** The origin's settings cannot be told now: the key that is damaged or being written. */
  unknownSettings?: PathFailure;
  /**
   * Of all copies that end by themselves, as noted before the work; the time of those that have not ended yet. Absent
   * if none had to be looked at.
   */
  expiries?: ExpirySummary;
  /** What an operator should know although nothing went wrong. */
  note?: string;
}

export interface MoveClaimsInput extends ActivityInput {
  /** As from preflight. */
  mounts: Record<string, string>;
  /** As from preflight. */
  ownMounts: Record<string, string>;
}

export interface MoveClaimsResult {
  v: 1;
  /** Secrets that stand now where nothing belongs any more. */
  orphans: number;
}

export interface GuardDeletesInput extends ActivityInput {
  /** Ids of all buckets that differ. */
  buckets: number[];
  /** As from diffIndices. */
  considered: string;
  /** As from preflight. */
  mounts: Record<string, string>;
}

/** Deletes that wait for an approval. */
export interface HeldDeletes {
  count: number;
  /** Of the set of paths: an approval is for exactly this one. */
  hash: string;
  reason: string;
}

/** The differing buckets in groups, by the work that each of them is. */
export interface GroupsOfWork {
  /** Ids of buckets; at most 32 groups. */
  groups: number[][];
  /** How many groups the workflow has at work at the same time, until it is told otherwise. */
  atOnce: number;
}

export interface GuardDeletesResult {
  v: 1;
  /**
   * Takes the place of the groups of diffIndices, which does not know how much there is to do. Absent if the origin's
   * index has moved on, and in results of older versions.
   */
  work?: GroupsOfWork;
  /** Whether deletes may happen. */
  deletes: boolean;
  /** Those that wait for an approval. */
  held?: HeldDeletes;
  /** They may because somebody approved them: such deletes are not added up. */
  approved?: boolean;
  /** Secrets that the destination is known to have, by mount of the origin. Empty if nothing is to be deleted. */
  known: Record<string, number>;
  /** Secrets that may be deleted, by mount of the origin. Absent if none may. */
  candidates?: Record<string, number>;
}

export interface CopySecretsInput extends ActivityInput {
  buckets: number[];
  /** As from preflight. */
  mounts: Record<string, string>;
  indexRevision: number;
  /** As from diffIndices. Deletes happen only while the origin's index is still this one. */
  considered: string;
  /** Whether the guard lets deletes happen. */
  deletes: boolean;
  /** Copies may have ended: look at what is noted of each bucket. */
  expiries?: true;
}

/** Id, and number of secrets that are kept on purpose. */
export type HeldInBucket = [id: number, held: number];

export interface CopySecretsResult extends Tally, SharesAtOnce {
  v: 1;
  /** False if it was stopped before the end of its buckets. */
  finished: boolean;
  /** Buckets that are done with although they may differ. */
  settled: HeldInBucket[];
  /** Secrets that were deleted, by mount of the origin. */
  deleted: Record<string, number>;
  /** Of the copies that end by themselves: how their numbers changed, and when the first is to be looked at. */
  expiries?: ExpirySummary;
}

export interface DeleteOrphansInput extends ActivityInput {
  /** As from preflight. */
  hash: string;
}

export interface DeleteOrphansResult extends Tally {
  v: 1;
}

export interface SaveDestinationInput extends ActivityInput {
  /** Ids of all buckets that the cycle may have written. */
  buckets: number[];
  indexRevision: number;
  /** As from diffIndices. */
  settingsRevision?: number;
  /** As from diffIndices. */
  considered: string;
  /** Whether the cycle came to its end, and has dealt with this index of the origin. */
  finished: boolean;
  mounts: Record<string, string>;
  changedMounts: Record<string, string>;
  ownMounts: Record<string, string>;
  outcome: Outcome;
  counts: Partial<Counts>;
  /** As from copySecrets, of all groups. */
  settled: HeldInBucket[];
  /** As from guardDeletes. */
  held?: HeldDeletes;
  /** As from copySecrets, of all groups: what a worker deleted before it died is not among them. */
  deleted: Record<string, number>;
  /** As from guardDeletes: what is left of them tells how many were really deleted. */
  candidates?: Record<string, number>;
  /** As from guardDeletes. */
  known: Record<string, number>;
  /** As from guardDeletes. */
  approved: boolean;
  /** As from diffIndices. */
  expiries?: ExpirySummary;
  /** As from copySecrets, of all groups. */
  newExpiries?: ExpirySummary;
}

export interface SaveDestinationResult {
  v: 1;
  writes: number;
}

// ---- verify ------------------------------------------------------------------------------------------------

/** Input of verifyDestination: made by the command. */
export interface VerifyInput {
  v: 1;
  name: string;
  /** Of the configuration that the command was given. */
  fingerprint: string;
}

/** What a verify found, in secrets. Absent counts are 0. */
export interface VerifyCounts {
  equal: number;
  drift: number;
  missing: number;
  /** The origin has them, and its sync info lacks them: they are not copied. */
  unpublished: number;
  /** The origin moved on: the next cycles deal with it. */
  changed: number;
  /** Not copied at all: a collision or a loop. */
  refused: number;
  /** Could not be read at one of the ends. */
  failed: number;
  /** Buckets of the origin that do not fit its index: their secrets were not compared. */
  unknown: number;
  /** Left at the destination by an earlier configuration. */
  orphan: number;
  /** Stand at the destination, and belong to no secret of the origin. */
  extra: number;
}

/** Result of verifyDestination. */
export interface VerifyResult {
  v: 1;
  counts: VerifyCounts;
  /** References of the staged lists of findings, in the destination's Consul. */
  lists: string[];
  /** What else there is to know: a mount could not be listed, the origin has no sync info yet, … */
  notes: string[];
}

export interface BeginVerifyResult {
  v: 1;
  /** Ids of the origin's buckets, in groups of work; none if there is nothing to compare with. */
  groups: number[][];
  /** Of the origin's index. */
  numBuckets: number;
  notes: string[];
}

/** What one activity of a verify found. */
export interface VerifyTally {
  v: 1;
  counts: Partial<VerifyCounts>;
  /** Reference of the staged findings; undefined if there are none. */
  list?: string;
}

export interface VerifySecretsInput extends ActivityInput {
  buckets: number[];
  /** As from beginVerify. */
  numBuckets: number;
}

export interface VerifySecretsResult extends VerifyTally {
  /** Buckets of the destination's info that are missing or do not fit its index. */
  distrusted: number;
}

export interface ListFoldersResult {
  v: 1;
  /** Reference of the staged chunks: what is left to walk, and what was found on the way. */
  folders: string;
  /** Number of chunks, at most 32. */
  chunks: number;
  /** Folders that could not be listed, at most 20. */
  unlisted: PathFailure[];
}

export interface ListExtrasInput extends ActivityInput {
  /** As from listFolders. */
  folders: string;
  /** 0 ≤ chunk < chunks */
  chunk: number;
}

export interface ListExtrasResult extends VerifyTally {
  /** Folders that could not be listed, at most 20. */
  unlisted: PathFailure[];
  /** False if a bucket of the origin did not fit its index: some extras may be left out. */
  complete: boolean;
}

export interface ListUnpublishedResult extends VerifyTally {
  /** What else there is to know: folders of the origin that could not be listed, at most 21. */
  notes: string[];
}

export const NO_FINDINGS: Readonly<VerifyCounts> = {
  equal: 0,
  drift: 0,
  missing: 0,
  unpublished: 0,
  changed: 0,
  refused: 0,
  failed: 0,
  unknown: 0,
  orphan: 0,
  extra: 0,
};

// ---- watch -------------------------------------------------------------------------------------------------

/** Input of watchOrigin. It does not change with the configuration, so that the watch never has to restart. */
export interface WatchInput {
  v: 1;
  name: string;
}

/** Name of the signal that says: the origin's index may have changed. */
export const ORIGIN_CHANGED = 'originChanged';

export interface OriginChangedSignal {
  v: 1;
}

export interface WakeDestinationInput {
  v: 1;
  /** Ask for one more cycle even if one is running: the change may have come after it compared. */
  whileRunning: boolean;
}

export interface WakeDestinationResult {
  v: 1;
  /**
   * - `considered`: the destination has dealt with the origin's current index: nothing to do
   * - `triggered`: a cycle was asked for
   * - `running`: a cycle is under way; look again
   * - `paused`: the schedule is paused; look again
   * - `waiting`: the origin has no sync info, or there is no schedule; look again
   */
  action: 'considered' | 'triggered' | 'running' | 'paused' | 'waiting';
  /** The longest time between two looks, in milliseconds: the destination's tick. */
  maxWaitMs: number;
}

export const NO_COUNTS: Readonly<Counts> = {
  listed: 0,
  read: 0,
  added: 0,
  updated: 0,
  deleted: 0,
  settings: 0,
  skipped: 0,
  held: 0,
  unknown: 0,
  failed: 0,
};
