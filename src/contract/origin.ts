/** What originCycle passes through Temporal. */
import type {
  ActivityInput,
  Counts,
  CycleActivities,
  CycleReport,
  WithDispatchWidth,
  Outcome,
} from './cycle';

export interface OriginPreflightResult {
  v: 1;
  /** A save stopped half-way. It has to be finished before anything else. */
  pendingSave: boolean;
}

export interface ListPathsResult extends CycleReport, Required<WithDispatchWidth> {
  v: 1;
  /** Reference of the staged manifest, which holds the chunks, the unknown folders and the mounts' identities. */
  manifest: string;
  /** Number of chunks, at most 128. */
  chunks: number;
  /** ModifyIndex of the origin's index before the work started; 0 if there is none. */
  indexRevision: number;
  /** The same of the settings' index. Absent if this cycle does not publish settings. */
  settingsIndexRevision?: number;
  /** Details for an operator: why it was a full scan, or what a feed pass had to read. Absent without a feed. */
  note?: string;
}

export interface FetchMetadataInput extends ActivityInput, Pick<ListPathsResult, 'manifest'> {
  /** 0 ≤ chunk < chunks */
  chunk: number;
}

export interface FetchMetadataResult extends CycleReport, WithDispatchWidth {
  v: 1;
  /** Reference of the staged buckets that have to be written. Absent if no bucket of this chunk has. */
  staged?: string;
  /** Reference of the staged list of versions that end by themselves. Absent if there are none, and without a feed. */
  ends?: string;
  /** When the first of them ends, in milliseconds since the epoch. */
  nextEndMs?: number;
}

interface OriginSave extends Pick<ListPathsResult, 'manifest' | 'indexRevision' | 'settingsIndexRevision'> {
  staged: string[];
  outcome: Outcome;
  counts: Partial<Counts>;
  /** References as from fetchMetadata, of all chunks. */
  ends?: string[];
  nextEndMs?: number;
}

export interface SaveOriginInput extends ActivityInput {
  /** Absent: finish the save that stopped half-way. */
  save?: OriginSave;
}

export interface SaveOriginResult {
  v: 1;
  /** Keys that were written; 0 if nothing had to be. */
  writes: number;
}

export interface OriginActivities extends CycleActivities {
  readonly preflight: (input: ActivityInput) => Promise<OriginPreflightResult>;
  readonly listPaths: (input: ActivityInput) => Promise<ListPathsResult>;
  readonly fetchMetadata: (input: FetchMetadataInput) => Promise<FetchMetadataResult>;
  readonly saveSyncInfo: (input: SaveOriginInput) => Promise<SaveOriginResult>;
}
