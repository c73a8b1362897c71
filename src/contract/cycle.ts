/**
 * What both kinds of cycle pass through Temporal. This folder declares every input and result of a workflow, an
 * activity and a signal: origin.ts, destination.ts (with the watch), verify.ts. Operators can read all of it in
 * the histories, so nothing here may hold a secret value, and everything is small: numbers, hashes, and capped lists.
 * Each message is one object with `v: 1`, so that a later version can add fields.
 */

import type { PathClass } from './failures';
import type { Role } from './ids';

/** How a cycle ended. A cycle that failed or was cancelled ends its workflow that way, and has no result. */
export const OUTCOMES = [
  'synced',
  'unchanged',
  'partial',
  'held',
  'timed-out',
  'cancelled',
  'failed',
] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** `synced`, `unchanged` and no cycle yet are the same outcome: all is well. */
export function sameOutcome(one: Outcome | undefined, other: Outcome | undefined): boolean {
  const isWell = (outcome: Outcome = 'synced'): boolean => outcome === 'synced' || outcome === 'unchanged';
  return one === other || (isWell(one) && isWell(other));
}

/** What a cycle did, in secrets. */
export const NO_COUNTS = Object.freeze({
  /** Paths in the origin's listings. */
  listed: 0,
  /** Metadata (origin cycle) or values (destination cycle) that were read from the origin. */
  read: 0,
  added: 0,
  updated: 0,
  deleted: 0,
  /** Settings that were written at the destination (`syncMetadata`). */
  settings: 0,
  /** Not written: equal already, or changed again since the origin's sync info was written. */
  skipped: 0,
  /** Retained: absent from the origin's info, but kept (`ignoreDeletes`, or the origin still serves it). */
  held: 0,
  /** Neither known to exist nor known to be gone. Their previous insight is kept. */
  unknown: 0,
  failed: 0,
});
export type Counts = Record<keyof typeof NO_COUNTS, number>;

export interface PathFailure {
  /** Path at the origin, or a folder ending in "/". */
  path: string;
  class: PathClass;
  /** The end whose Vault refused or failed. */
  at?: Role;
  /** The path at the destination, if a request there failed and the transforms change the path. */
  to?: string;
  /** Another path that is involved: the other one of a collision, or where a loop would write. */
  with?: string;
}

/** A path that was not handled, in a line. */
export function describeFailure({ path, class: why, at, to, with: other }: PathFailure): string {
  const where = at === undefined ? '' : ` at the ${at}`;
  const target = to === undefined ? '' : ` -> ${to}`;
  return `${why}${where}: ${path}${target}${other === undefined ? '' : ` (with ${other})`}`;
}

/** Input of originCycle and destinationCycle. The schedule makes it, the same for every cycle. */
export interface CycleInput {
  v: 1;
  name: string;
  /** Of the configuration that the schedule was made from. A worker with another one refuses the work. */
  fingerprint: string;
  timeoutMs: number;
}

export interface CycleResult {
  v: 1;
  outcome: Outcome;
  counts: Counts;
  /** The first failures; `counts.failed` and `counts.unknown` hold their number. */
  failures: PathFailure[];
  /** Milliseconds per step, in the order of the steps. */
  durationsMs: Record<string, number>;
  /** Details for an operator, where the outcome alone explains too little. */
  note?: string;
}

export interface ActivityInput {
  v: 1;
  fingerprint: string;
}

/** Counts and failures of one activity's part of a cycle. */
export interface CycleReport {
  counts: Partial<Counts>;
  failures: PathFailure[];
}

/** In the results of activities that split work or do a part of it: a replay sees the width that the cycle had. */
export interface WithDispatchWidth {
  /** Chunks or groups that all workers together can take now. Absent if Temporal could not report it. */
  dispatchWidth?: number;
}

/**
 * Task queue of the parts of a cycle that workers share: fetchMetadata and copySecrets. The name of a sync has no ":"
 * in an id, so this is never the queue of another sync. Not in ids.ts, because the workflow sandbox has no node:crypto.
 */
export function sharedQueue(ownQueue: string): string {
  return `${ownQueue}:shared`;
}

export interface ReportOutagesInput extends ActivityInput {
  /** Milliseconds since the epoch. Outages that ended before are left out. */
  sinceMs: number;
}

export interface ReportOutagesResult {
  v: 1;
  /** Each in words, at most 3: which Vault, what was wrong, since when, until when. */
  outages: string[];
}

export interface CycleActivities {
  readonly reportOutages: (input: ReportOutagesInput) => Promise<ReportOutagesResult>;
}
