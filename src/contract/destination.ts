/** What destinationCycle and watchOrigin pass through Temporal. Where an input repeats a result, it picks its fields. */
import type { ExpirySummary } from '../rules/expiry';
import type {
  ActivityInput,
  Counts,
  CycleActivities,
  CycleReport,
  WithDispatchWidth,
  Outcome,
  PathFailure,
} from './cycle';

interface Mounts {
  /** uuid of each origin mount as remembered: of a re-created mount the old one, and nothing of that mount is deleted. */
  mounts: Record<string, string>;
  /** uuid of each mount of the destination now. */
  ownMounts: Record<string, string>;
}

export interface DestinationPreflightResult extends CycleReport, Mounts {
  v: 1;
  /** uuid now of the origin mounts that were re-created. */
  changedMounts: Record<string, string>;
  /** The configuration or a mount of the destination changed: what its info claims may be in another place, or nowhere. */
  changed: boolean;
  /** What the last cycle saved. Absent if there was none, or if this one has something new to save. */
  lastCycle?: { considered: string; outcome: Outcome };
  /** Hash of the list of orphans that an operator approved for removal. */
  removeOrphans?: string;
  /** Copies may have ended by themselves since the last cycle. */
  expired?: true;
}

export type DiffIndicesInput = ActivityInput & Pick<DestinationPreflightResult, 'changed' | 'expired'>;

export interface DiffIndicesResult {
  v: 1;
  /** Names the index of the origin, and of its settings if they are copied. Absent: the origin has no info yet. */
  considered?: string;
  /** ModifyIndex of the destination's index before the work started; 0 if there is none. */
  indexRevision: number;
  /** The number of buckets or the configuration changed: the claims have to be moved before anything is compared. */
  move: boolean;
  /** Ids of the buckets that differ, in groups of work; at most 32 groups. */
  groups: number[][];
  /** Secrets that are retained in buckets whose differences are known. */
  retained: number;
  /** ModifyIndex of the index of the destination's settings, 0 if there is none. Absent if settings are not copied. */
  settingsRevision?: number;
  /** The key of the origin's settings that is damaged or being written. The settings are unknown in this cycle. */
  unknownSettings?: PathFailure;
  /** Of all copies that end by themselves, as of before the work. Absent if none had to be checked. */
  expiries?: ExpirySummary;
  /** Details for an operator, although nothing went wrong. */
  note?: string;
}

export type MoveClaimsInput = ActivityInput & Mounts;

export interface MoveClaimsResult {
  v: 1;
  /** Copies that no secret of the origin leads to any more. */
  orphans: number;
}

export interface GuardDeletesInput extends ActivityInput, Pick<Mounts, 'mounts'> {
  buckets: number[];
  considered: string;
}

export interface PendingDeletes {
  count: number;
  /** Of the set of paths: an approval is for exactly this one. */
  hash: string;
  reason: string;
}

export interface GroupsOfWork extends Required<WithDispatchWidth> {
  /** Ids of buckets; at most 32 groups. */
  groups: number[][];
}

export interface GuardDeletesResult {
  v: 1;
  /** Replaces the groups of diffIndices, by the work in them. Absent if the origin's index has changed meanwhile. */
  work?: GroupsOfWork;
  deletes: boolean;
  pendingDeletes?: PendingDeletes;
  /** An operator approved the deletes: they do not count against the limit of a day. */
  approved?: boolean;
  /** Secrets that the destination is known to have, by mount of the origin. Empty if nothing is to be deleted. */
  known: Record<string, number>;
  /** Secrets that may be deleted, by mount of the origin. Absent if none may. */
  candidates?: Record<string, number>;
}

export interface CopySecretsInput
  extends
    ActivityInput,
    Pick<Mounts, 'mounts'>,
    Pick<DiffIndicesResult, 'indexRevision'>,
    Pick<GuardDeletesResult, 'deletes'> {
  buckets: number[];
  /** Deletes happen only while the origin's index is still this one. */
  considered: string;
  /** Copies may have ended: check the expiries of each bucket. */
  expiries?: true;
}

export type RetainedInBucket = [id: number, retained: number];

export interface CopySecretsResult extends CycleReport, WithDispatchWidth {
  v: 1;
  /** False if it was stopped before the end of its buckets. */
  finished: boolean;
  /** Buckets that are done although they may differ. */
  knownDifferences: RetainedInBucket[];
  /** Secrets that were deleted, by mount of the origin. Without the deletes of a worker that died. */
  deleted: Record<string, number>;
  /** Of the copies that end by themselves: how their numbers changed, and when the first has to be checked. */
  expiries?: ExpirySummary;
  /** Time of the oldest change that was not copied, in milliseconds since the epoch. Absent if there is none. */
  oldestMs?: number;
}

export interface DeleteOrphansInput extends ActivityInput {
  hash: string;
}

export type DeleteOrphansResult = CycleReport & { v: 1 };

/** `candidates`: those that are left show how many were really deleted. */
export interface SaveDestinationInput
  extends
    ActivityInput,
    Mounts,
    Pick<DestinationPreflightResult, 'changedMounts'>,
    Pick<DiffIndicesResult, 'indexRevision' | 'settingsRevision' | 'expiries'>,
    Pick<GuardDeletesResult, 'pendingDeletes' | 'known' | 'candidates'>,
    Pick<CopySecretsResult, 'knownDifferences' | 'deleted'> {
  /** Ids of all buckets that the cycle may have written. */
  buckets: number[];
  considered: string;
  /** Whether the cycle came to its end, and has handled this index of the origin. */
  finished: boolean;
  outcome: Outcome;
  counts: Partial<Counts>;
  approved: boolean;
  /** As from copySecrets, of all groups. */
  newExpiries?: ExpirySummary;
}

export interface SaveDestinationResult {
  v: 1;
  writes: number;
}

export interface DestinationActivities extends CycleActivities {
  readonly preflight: (input: ActivityInput) => Promise<DestinationPreflightResult>;
  readonly diffIndices: (input: DiffIndicesInput) => Promise<DiffIndicesResult>;
  readonly moveClaims: (input: MoveClaimsInput) => Promise<MoveClaimsResult>;
  readonly guardDeletes: (input: GuardDeletesInput) => Promise<GuardDeletesResult>;
  readonly copySecrets: (input: CopySecretsInput) => Promise<CopySecretsResult>;
  readonly deleteOrphans: (input: DeleteOrphansInput) => Promise<DeleteOrphansResult>;
  readonly saveSyncInfo: (input: SaveDestinationInput) => Promise<SaveDestinationResult>;
}

/** Input of watchOrigin. It does not depend on the configuration, so a change of that needs no restart of the watch. */
export interface WatchInput {
  v: 1;
  name: string;
}

/** Name of the signal "the origin's index may have changed". */
export const ORIGIN_CHANGED = 'originChanged';

export interface OriginChangedSignal {
  v: 1;
}

export interface WakeDestinationInput {
  v: 1;
  /** Ask for one more cycle even if one is running: it may have compared before the change. */
  whileRunning: boolean;
}

export interface WakeDestinationResult {
  v: 1;
  /**
   * `considered`: the destination has handled the origin's current index, and the watch waits for the next signal. After
   * all others it asks again. `waiting`: the origin has no sync info, or there is no schedule.
   */
  action: 'considered' | 'triggered' | 'running' | 'paused' | 'waiting';
  /** Longest time until the watch asks again, in milliseconds: the destination's tick. */
  maxWaitMs: number;
}

export interface WatchActivities {
  /** Polls Consul, and signals `originChanged`. Ends only when it is cancelled. */
  readonly watchIndex: (input: WatchInput) => Promise<void>;
  readonly wakeDestination: (input: WakeDestinationInput) => Promise<WakeDestinationResult>;
}
