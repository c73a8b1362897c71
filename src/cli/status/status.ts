import type { Counts, PathFailure } from '../../contract/cycle';
import type { PendingDeletes } from '../../contract/destination';
import type { Lag } from '../../sync-info/lag';
import type { LastCycle } from '../../sync-info/state';
import type { Totals } from '../../sync-info/totals';
import type { WatchState } from '../../temporal/schedule';
import type { PauseNote } from '../../temporal/pause-note';
import type { FeedStatus } from './feed';
import type { PushStatus } from './push';

/** As far as Temporal still has it. */
export interface CycleStatus {
  workflowId: string;
  runId: string;
  startedAt: string;
  /** An outcome, or `running`, `failed`, `terminated`, `forgotten` (its history is past the retention). */
  outcome: string;
  durationMs?: number;
  counts?: Counts;
  failures?: PathFailure[];
  /** Why it failed, or what explains its outcome. */
  note?: string;
}

/** A Vault as it describes itself to this command; `problem` if it did not. */
export interface VaultStatus {
  address: string;
  /** `Vault` or `OpenBao`. */
  product?: string;
  version?: string;
  sealed?: boolean;
  problem?: string;
}

/** The workers that poll the queue of the cycles. */
export interface WorkerStatus {
  queue: string;
  polling: { identity: string; lastPollAt: string }[];
}

/** Runs of the schedule that started no cycle, since it was created. */
export interface SkippedRuns {
  /** A cycle was running. */
  overlap: number;
  /** Temporal was down for too long. */
  missed: number;
}

/** Something that could not be found out, and why. */
export interface UnknownFact {
  what: string;
  why: string;
}

/** What an operator can do next. */
export interface NextAction {
  what: string;
  why: string;
  command: string;
  /** Whether the command changes anything. */
  changes: boolean;
}

export const SYNC_WORDS = ['in-step', 'behind', 'retained', 'unknown'] as const;
export const HEALTH_WORDS = ['ok', 'degraded', 'failing'] as const;

/** Whether the copies are what they should be. */
export interface SyncVerdict {
  word: (typeof SYNC_WORDS)[number];
  /** RFC 3339; absent if it is unknown. */
  since?: string;
  why: string;
}

/** Whether the sync can work. */
export interface HealthVerdict {
  word: (typeof HEALTH_WORDS)[number];
  /** RFC 3339; absent if it is unknown. */
  since?: string;
  /** What is wrong, the worst first; empty if it is `ok`. */
  reasons: string[];
}

/** What `vsync status --json` prints. */
export interface Status {
  name: string;
  role: string;
  schedule: string;
  /** When this was found out. */
  at: string;
  sync: SyncVerdict;
  health: HealthVerdict;
  vaults: { origin: VaultStatus; destination?: VaultStatus };
  /** Absent if Temporal does not report it. */
  worker?: WorkerStatus;
  paused: boolean;
  /** Who paused it, when and why, as far as the schedule's note shows it. */
  pause?: PauseNote;
  /** Of a destination: `running`, `missing`, or how it ended (`terminated`, `canceled`, `failed`, …). */
  watch?: WatchState;
  /** RFC 3339; absent if paused. */
  nextCycleAt?: string;
  skipped: SkippedRuns;
  /** End of the last cycle that was `synced` or `unchanged`. */
  lastSuccessAt?: string;
  /** Newest first. */
  cycles: CycleStatus[];
  /** The last cycle that changed something or ended in another way than before, from Consul: it outlives Temporal's retention. */
  last?: LastCycle;
  /** Of a destination: its secrets, from sync info. Absent if that is unknown. */
  totals?: Totals;
  /** Of an origin: how many secrets it has published. */
  published?: number;
  /** Mounts of the origin that were re-created: they wait for `vsync approve --mount`. */
  changedMounts?: string[];
  /** Deletes that wait for `vsync approve`. */
  held?: PendingDeletes;
  /** Copies that expire; `early`: before their originals do. */
  expiries?: { copies: number; early: number; /** RFC 3339 */ nextAt?: string };
  /** Secrets that an earlier configuration left at the destination: `vsync plan` lists them. */
  orphans?: number;
  /** Of a destination whose origin has a feed: the workflow that takes pushes. */
  push?: PushStatus;
  /** Of an origin with a feed. */
  feed?: FeedStatus;
  /** Of a destination: changes that the origin has published and that are not here yet. Absent if that is unknown. */
  lag?: Lag;
  unknown: UnknownFact[];
  nextActions: NextAction[];
}

/** Everything that was found out, before it is judged. */
export type Facts = Omit<Status, 'sync' | 'health' | 'nextActions'>;
