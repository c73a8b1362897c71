import pLimit from 'p-limit';
import type { SyncInfo } from '../../consul/sync-info';
import { readDestinationState } from '../../consul/state';
import type { Bucket } from '../../sync/bucket';
import { hashOfDeletes, whyHeld } from '../../sync/delete-guard';
import { emptyIndex } from '../../sync/sync-index';
import type { GuardDeletesInput, GuardDeletesResult } from '../../workflows/messages';
import { CONSUL_READS } from '../limits';
import type { DestinationDeps } from './deps';

/**
 * Decides whether the deletes of a cycle may happen, before the first of them. They are counted from the sync info
 * alone: more than are really gone at the origin, never fewer.
 */
export async function guardDeletes(
  deps: DestinationDeps,
  { buckets }: GuardDeletesInput,
  signal: AbortSignal,
): Promise<GuardDeletesResult> {
  if (deps.config.ignoreDeletes) return { v: 1, approved: false };
  const { info, originInfo } = deps;
  const candidates = await deleteCandidates(deps, buckets, signal);
  if (candidates.length === 0) return { v: 1, approved: false };
  const { state } = await readDestinationState(info, signal);
  const hash = hashOfDeletes(candidates);
  if (state?.approved === hash) return { v: 1, approved: true };

  const { index = [] } = await originInfo.readIndex(signal);
  const ids = [...((await info.readIndex(signal)).index ?? index).keys()];
  const known = (await readAll(info, ids, signal)).flatMap((bucket) => [...bucket.keys()]);
  const reason = state?.suspended ?? whyDeletesAreHeld(deps, candidates, known, index);
  if (reason === undefined) return { v: 1, approved: false };
  return { v: 1, approved: false, held: { count: candidates.length, hash, reason } };
}

/**
 * @param known paths that the destination is known to have
 * @returns undefined if the deletes may happen
 */
export function whyDeletesAreHeld(
  deps: DestinationDeps,
  candidates: readonly string[],
  known: readonly string[],
  originIndex: readonly string[],
): string | undefined {
  return whyHeld({
    candidates: byMount(deps, candidates),
    known: byMount(deps, known),
    maxDeletes: deps.config.maxDeletes,
    originIsEmpty: JSON.stringify(originIndex) === JSON.stringify(emptyIndex(originIndex.length)),
  });
}

/** Paths that the destination's buckets name and that do not belong there any more. */
export async function deleteCandidates(
  { config, info, originInfo, scope }: DestinationDeps,
  ids: readonly number[],
  signal: AbortSignal,
): Promise<string[]> {
  const [own, origin] = await Promise.all([readAll(info, ids, signal), readAll(originInfo, ids, signal)]);
  return own.flatMap((bucket, position) =>
    [...bucket.keys()].filter((path) => {
      if (origin[position]?.has(path) !== true) return true;
      return config.destination.deleteExcluded && !scope.wants(path);
    }),
  );
}

async function readAll(info: SyncInfo, ids: readonly number[], signal: AbortSignal): Promise<Bucket[]> {
  const limit = pLimit(CONSUL_READS);
  return Promise.all(
    ids.map((id) =>
      limit(async () => (await info.readBucket(id, signal)).bucket ?? new Map<string, never>()),
    ),
  );
}

function byMount({ scope }: DestinationDeps, paths: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const path of paths) {
    const mount = scope.placeAtOrigin(path)?.mount ?? path.slice(0, path.indexOf('/') + 1);
    counts.set(mount, (counts.get(mount) ?? 0) + 1);
  }
  return counts;
}
