import { readDestinationState } from '../../consul/state';
import { differingBuckets, hashOfIndex } from '../../sync/sync-index';
import type { DiffIndicesInput, DiffIndicesResult } from '../../workflows/messages';
import { ActivityError } from '../failures';
import { MAX_GROUPS } from '../limits';
import type { DestinationDeps } from './deps';

/** Compares the two indices, and splits the buckets that differ into groups of work. */
export async function diffIndices(
  { originInfo, info }: DestinationDeps,
  { compareAll }: DiffIndicesInput,
  signal: AbortSignal,
): Promise<DiffIndicesResult> {
  const origin = await originInfo.readIndex(signal);
  const own = await info.readIndex(signal);
  if (origin.index === undefined) {
    const { state } = await readDestinationState(info, signal);
    if (origin.problem === undefined && state === undefined && own.index === undefined) {
      return { v: 1, indexRevision: own.revision, groups: [] };
    }
    // It was there before: an index that is gone or broken is an accident, never "all secrets were deleted".
    throw new ActivityError(
      'OriginInfoGone',
      `Consul ${originInfo.store.address}: ${originInfo.indexKey}: the origin's index ` +
        `${origin.problem === undefined ? 'is gone' : `is damaged (${origin.problem})`}; nothing is changed at the ` +
        'destination. Let the origin run a cycle (vsync trigger -c ORIGIN_FILE), or check origin.syncPath and origin.consul',
    );
  }
  const ids = differingBuckets(origin.index, compareAll ? undefined : own.index);
  return {
    v: 1,
    considered: hashOfIndex(origin.index),
    indexRevision: own.revision,
    groups: split(ids, MAX_GROUPS),
  };
}

/** Deals the ids out evenly, neighbours apart. */
function split(ids: readonly number[], most: number): number[][] {
  const groups = Array.from({ length: Math.min(most, ids.length) }, (): number[] => []);
  ids.forEach((id, position) => groups[position % groups.length]?.push(id));
  return groups;
}
