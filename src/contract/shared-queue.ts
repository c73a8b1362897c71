/**
 * Task queue of the parts of a cycle that workers share: chunks of metadata, groups of buckets. The name of a sync
 * has no ":" in an id, so this is not another sync's own queue. In a file of its own because workflows need it, and
 * have no node:crypto.
 */
export function sharedQueue(ownQueue: string): string {
  return `${ownQueue}:shared`;
}
