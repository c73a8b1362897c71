import type { Orphan } from '../../../sync-info/orphans';
import type { PendingDeletes } from '../../../contract/destination';

/**
 * - `add`: the destination is not known to have it
 * - `update`: it changed at the origin
 * - `compare`: both values would be read, and written only if they differ
 * - `settings`: its settings would be carried over (`syncMetadata`); the same path may be in another action too
 * - `delete`: the origin says that it is gone (asked just now), or it is not wanted any more
 * - `hold`: it stays at the destination although the origin's info lacks it
 * - `refuse`: it would not be copied
 */
export type PlannedAction = 'add' | 'update' | 'compare' | 'settings' | 'delete' | 'hold' | 'refuse';

export interface Planned {
  action: PlannedAction;
  /** Path at the origin, as sync info names it. */
  path: string;
  /** Path at the destination, where it is another one. */
  to?: string;
  why: string;
}

/** What the next cycle would do. */
export interface Plan {
  name: string;
  /** Sorted by path. */
  planned: Planned[];
  /** Deletes that would wait for `vsync approve`; `hash` names the set. */
  held?: PendingDeletes;
  /** Secrets at places of the destination where nothing belongs any more, by data path. */
  orphans: ({ at: string } & Orphan)[];
  /** Names the list of orphans as it is noted; absent if it is empty, or if the next cycle changes it first. */
  orphansHash?: string;
  /** What else there is to know: the origin has no sync info yet, a mount was re-created, … */
  notes: string[];
}
