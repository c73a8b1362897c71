import type { Bucket } from './bucket';
import type { Insight } from './insight';
import { bytewise } from './paths';
import { isLater } from './time';

/** What a destination has to do so that a bucket of its info becomes equal to the origin's. */
export interface Differences {
  /** In the origin only. */
  readonly add: string[];
  /** Newer in the origin. */
  readonly update: string[];
  /** Different, but the origin's is not newer: read both, write only if the values differ. */
  readonly verify: string[];
  /** In the destination only. */
  readonly delete: string[];
}

/**
 * Compares a bucket of the origin with the destination's, in the order of the original (vsync 0.3.0). Where the
 * original says nothing although the two differ, so that they would differ for ever, the path is to be verified.
 * Each list is sorted bytewise; no path is in two of them. Never throws.
 */
export function compareBuckets(origin: Bucket, destination: Bucket): Differences {
  const differences: Differences = { add: [], update: [], verify: [], delete: [] };
  for (const [path, insight] of origin) {
    const change = changeOf(insight, destination.get(path));
    if (change) differences[change].push(path);
  }
  for (const path of destination.keys()) {
    if (!origin.has(path)) differences.delete.push(path);
  }
  for (const paths of Object.values(differences) as string[][]) paths.sort(bytewise);
  return differences;
}

function changeOf(
  origin: Insight,
  destination: Insight | undefined,
): 'add' | 'update' | 'verify' | undefined {
  if (!destination) return 'add';
  // Version 0 marks a delete that had begun: whether the value is still there is not known.
  if (destination.version === 0) return 'update';
  if (origin.type !== destination.type) return 'update';
  if (origin.version > destination.version) return 'update';
  if (origin.version === destination.version && origin.updateTime === destination.updateTime)
    return undefined;
  // Metadata that was deleted and created again counts its versions from 1: only the time tells.
  return isLater(origin.updateTime, destination.updateTime) ? 'update' : 'verify';
}
