import { isSettled, readSettled } from '../../consul/settled';
import { readDestinationState } from '../../consul/state';
import { differingBuckets, hashOfIndex } from '../../sync/sync-index';
import type { DiffIndicesInput, DiffIndicesResult } from '../../workflows/messages';
import { ActivityError } from '../failures';
import { MAX_GROUPS } from '../limits';
import type { DestinationDeps } from './deps';

/** Compares the two indices, and splits the buckets that differ into groups of work. */
export async function diffIndices(
  deps: DestinationDeps,
  { changed }: DiffIndicesInput,
  signal: AbortSignal,
): Promise<DiffIndicesResult> {
  const { originInfo, info } = deps;
  const origin = await originInfo.readIndex(signal);
  const own = await info.readIndex(signal);
  const nothing = { v: 1, indexRevision: own.revision, move: false, groups: [], held: 0 } as const;
  if (origin.index === undefined) {
    const { state } = await readDestinationState(info, signal);
    if (origin.problem === undefined && state === undefined && own.index === undefined)
      return { ...nothing, groups: [] };
    // It was there before: an index that is gone or broken is an accident, never "all secrets were deleted".
    throw new ActivityError(
      'OriginInfoGone',
      `Consul ${originInfo.store.address}: ${originInfo.indexKey}: the origin's index ` +
        `${origin.problem === undefined ? 'is gone' : `is damaged (${origin.problem})`}; nothing is changed at the ` +
        'destination. Let the origin run a cycle (vsync trigger -c ORIGIN_FILE), or check origin.syncPath and origin.consul',
    );
  }
  const considered = hashOfIndex(origin.index);
  const resized = own.index !== undefined && own.index.length !== origin.index.length;
  if (changed || resized) return { ...nothing, considered, move: true, groups: [] };

  const ids = differingBuckets(origin.index, own.index);
  if (ids.length === 0) return { ...nothing, considered, groups: [] };
  const settled = await readSettled(info, signal);
  const buckets = settled.rules === deps.fingerprint ? settled.buckets : new Map<number, never>();
  const open = ids.filter((id) => !isSettled(buckets.get(id), origin.index?.[id] ?? '', own.index?.[id]));
  const openIds = new Set(open);
  const held = ids.reduce((sum, id) => sum + (openIds.has(id) ? 0 : (buckets.get(id)?.held ?? 0)), 0);
  return { ...nothing, considered, groups: split(open, MAX_GROUPS), held };
}

/** Deals the ids out evenly, neighbours apart. */
export function split<T>(ids: readonly T[], most: number): T[][] {
  const groups = Array.from({ length: Math.min(most, ids.length) }, (): T[] => []);
  ids.forEach((id, position) => groups[position % groups.length]?.push(id));
  return groups;
}
