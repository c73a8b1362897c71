import type { MountUuids } from './state';

/** Why something may have been missed. */
export const GAP_REASONS = [
  'start',
  'connection',
  'unparsable',
  'overflow',
  'too-long',
  'reported',
  'mounts',
  'restored',
] as const;
export type GapReason = (typeof GAP_REASONS)[number];

/** A path that may have changed. The numbers of one receiver ascend. */
export type Hint = [seq: number, mount: string, rel: string];

/** `<syncPath>origin/feed/<receiver>`: written by its receiver only. */
export interface FeedRecord {
  v: 1;
  /** Random, 16 hex digits, new in each process. */
  receiver: string;
  /** How often something may have been missed. 1 from the first moment. */
  gaps: number;
  /** Why the last time, for `vsync status`. */
  why: GapReason;
  hints: Hint[];
  /** `request.id` of the last lines about the origin's mounts, at most 16. */
  seen: string[];
  writtenMs: number;
}

/** `<syncPath>origin/feed/done`: what cycles have dealt with. */
export interface FeedDone {
  v: 1;
  /** Of the configuration that the scan ran under. */
  fingerprint: string;
  /** The last full scan. */
  scan: {
    beganMs: number;
    /** By receiver: its gaps before the scan listed. */
    gaps: Record<string, number>;
    mounts: MountUuids;
    /** Scans in a row that left something unknown. */
    partial: number;
  };
  /** By receiver: hints up to this number are published. */
  handled: Record<string, number>;
  /** Versions that end by themselves: staged lists, the earliest end that is not handled, and until when all are. */
  ends?: { lists: string[]; nextMs: number; doneMs: number };
}
