/** The names by which operators find things in Temporal. They are part of the interface: never change them lightly. */

export type Role = 'origin' | 'destination';

/** Id of the schedule that starts the cycles; also the beginning of the cycles' workflow ids. */
export function scheduleId(role: Role, name: string): string {
  return `vsync-${role}-${name}`;
}

/** Workflow id of a destination's watch. */
export function watchId(name: string): string {
  return `vsync-watch-${name}`;
}

/** Workflow id of a destination's verify: one at a time. */
export function verifyId(name: string): string {
  return `vsync-verify-${name}`;
}

/** Task queue of a role's workflows and activities; the watch is on the destination's. */
export function taskQueue(role: Role, name: string): string {
  return `vsync-${role}-${name}`;
}

/**
 * Task queue of the parts of a cycle that workers share: chunks of metadata, groups of buckets. The name of a sync
 * has no ":", so this is no other sync's own queue.
 */
export function sharedQueue(ownQueue: string): string {
  return `${ownQueue}:shared`;
}
