import { isKnownDifference, readKnownDifferences } from '../../../sync-info/known-differences';
import { readDestinationState } from '../../../sync-info/state';
import { readDirtyMarker } from '../../../sync-info/commits';
import { originVersionOf, differingBuckets } from '../../../rules/bucket';
import type { DiffIndicesInput, DiffIndicesResult } from '../../../contract/destination';
import { ActivityError } from '../../../contract/failures';
import { MAX_GROUPS } from '../../../limits';
import { expiredBuckets } from '../../../sync-info/expiries';
import { type DestinationDeps, rulesOfDifferences } from '../base/deps';
import { NO_SETTINGS, readOriginSettings, readOwnSettings } from '../base/settings-indices';

type Index = readonly string[] | undefined;

/** Compares the two indices, and those of the settings, and splits the buckets that differ into groups of work. */
export async function diffIndices(
  deps: DestinationDeps,
  { changed, expired }: DiffIndicesInput,
  signal: AbortSignal,
): Promise<DiffIndicesResult> {
  const { originInfo, info } = deps;
  const origin = await originInfo.readIndex(signal);
  const own = await info.readIndex(signal);
  const { revision: indexRevision } = own;
  const nothing: DiffIndicesResult = { v: 1, indexRevision, move: false, groups: [], retained: 0 };
  if (origin.index === undefined) {
    const { state } = await readDestinationState(info, signal);
    if (origin.problem === undefined && state === undefined && own.index === undefined) return nothing;
    // It was there before: an index that is gone or broken is an accident, never "all secrets were deleted".
    throw new ActivityError(
      'OriginInfoGone',
      `Consul ${originInfo.store.address}: ${originInfo.indexKey}: the origin's index ` +
        `${origin.problem === undefined ? 'is gone' : `is damaged (${origin.problem})`}; nothing is changed at the ` +
        'destination. Let the origin run a cycle (vsync trigger -c ORIGIN_FILE), or check origin.syncPath and origin.consul',
    );
  }
  const numBuckets = origin.index.length;
  const settings = await readOriginSettings(deps, numBuckets, signal);
  const carries = settings.index !== undefined;
  const ownSettings = carries ? await readOwnSettings(deps, numBuckets, signal) : NOTHING_CARRIED;
  const isResized = (index: Index): boolean => index !== undefined && index.length !== numBuckets;
  const found = {
    ...nothing,
    considered: originVersionOf(origin.index, settings.index),
    ...(carries ? { settingsRevision: ownSettings.revision } : {}),
    ...(settings.unknown === undefined ? {} : { unknownSettings: settings.unknown }),
    ...(settings.missing === undefined ? {} : { note: NO_SETTINGS }),
  };
  if (changed || isResized(own.index) || isResized(ownSettings.index)) return { ...found, move: true };

  const isUnsaved = own.index !== undefined && (await readDirtyMarker(info, signal)) !== 0;
  // What an interrupted cycle noted is in no state.
  const hasExpired = expired === true || (isUnsaved && (await info.expiries.isMarked(signal)));
  const { state: before } = hasExpired && !isUnsaved ? await readDestinationState(info, signal) : {};
  const ended = hasExpired ? await expiredBuckets(info, before?.expiries, numBuckets, signal) : undefined;
  const expiries = ended && { expiries: ended.all };
  // The last cycle changed buckets and did not save its index, so the index does not describe them.
  if (isUnsaved) return { ...found, ...expiries, groups: split([...origin.index.keys()], MAX_GROUPS) };

  const differing = [
    ...differingBuckets(origin.index, own.index),
    ...(settings.index === undefined ? [] : differingBuckets(settings.index, ownSettings.index)),
    ...(ended?.ids ?? []),
  ];
  const ids = [...new Set(differing)].sort((a, b) => a - b);
  if (ids.length === 0) return { ...found, ...expiries };
  const known = await readKnownDifferences(info, signal);
  const hashes = (values: Index, ofSettings: Index, id: number) => ({
    insights: values?.[id],
    settings: carries ? (ofSettings?.[id] ?? '') : undefined,
  });
  const isOfRules = known.rules === rulesOfDifferences(deps);
  const open: number[] = [];
  let retained = 0;
  for (const id of ids) {
    const difference = isOfRules ? known.buckets.get(id) : undefined;
    const theirs = hashes(origin.index, settings.index, id);
    const isKnown = isKnownDifference(difference, theirs, hashes(own.index, ownSettings.index, id));
    if (isKnown && ended?.ids.includes(id) !== true) retained += difference?.held ?? 0;
    else open.push(id);
  }
  return { ...found, ...expiries, groups: split(open, MAX_GROUPS), retained };
}

const NOTHING_CARRIED = { index: undefined, revision: 0 };

/** Deals the ids out evenly, neighbours apart. */
export function split<T>(ids: readonly T[], most: number): T[][] {
  const groups = Array.from({ length: Math.min(most, ids.length) }, (): T[] => []);
  ids.forEach((id, position) => groups[position % groups.length]?.push(id));
  return groups;
}
