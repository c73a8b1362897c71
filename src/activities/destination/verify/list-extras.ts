import { bucketId } from '../../../rules/bucket';
import { insightOfMetadata } from '../../../rules/insight';
import { dataPath, type Location } from '../../../rules/paths';
import { counted, stageFindings, type Finding } from './findings';
import type { ListExtrasInput, ListExtrasResult } from '../../../contract/verify';
import { pathFailureClass } from '../../shared/failures';
import { inParallel } from '../../../concurrency/work-pool';
import { CONSUL_READS } from '../../../limits';
import { throwOutage } from '../../shared/outages';
import { readFitting } from '../../../sync-info/indexed-buckets';
import { inVerifyPool } from '../base/copy-pool';
import type { DestinationDeps } from '../base/deps';
import { FolderLister, readFolderChunk } from './list-folders';

/** Secrets at the destination by data path. */
type FoundSecrets = Map<string, Location>;

/**
 * Walks a part of the destination's folders, and names the secrets in them that belong to no secret of the origin.
 * Reads names and metadata, no values.
 */
export async function listExtras(
  deps: DestinationDeps,
  { folders, chunk }: ListExtrasInput,
  signal: AbortSignal,
  progress: (done: number) => void,
): Promise<ListExtrasResult> {
  const lister = new FolderLister(deps, deps.vault);
  const part = await readFolderChunk(deps.staging, folders, chunk, signal);
  const found: FoundSecrets = new Map();
  const add = (secrets: readonly Location[]): void => {
    for (const place of secrets) found.set(dataPath(place.mount, place.rel), place);
    progress(found.size);
  };
  add(part.secrets);
  for (let level = part.folders; level.length > 0;) {
    const listed = await lister.list(level, signal);
    add(listed.secrets);
    level = listed.folders;
  }

  const complete = await removeWanted(deps, found, signal);
  const unsure = await removeDeleted(deps, found, signal);
  const findings = await described(deps, found, unsure, signal);
  const list = await stageFindings(deps.staging, findings, signal);
  return { v: 1, counts: counted(findings), unlisted: lister.unlisted, complete, ...(list && { list }) };
}

/**
 * Removes the places where a secret of the origin belongs. Also those of which that is unknown, because a bucket of the
 * origin does not fit its index.
 *
 * @returns false if something was unknown
 */
async function removeWanted(
  deps: DestinationDeps,
  found: FoundSecrets,
  signal: AbortSignal,
): Promise<boolean> {
  const { originInfo, scope, config } = deps;
  for (const path of found.keys()) if (scope.isOfOrigin(path)) found.delete(path);
  const { index } = await originInfo.readIndex(signal);
  if (index === undefined) {
    found.clear();
    return false;
  }
  if (config.destination.transforms.length > 0) {
    const targets = await deps.targets.load(index, signal);
    if (!targets.complete) found.clear();
    for (const path of found.keys()) if (targets.sourcesOf(path).length > 0) found.delete(path);
    return targets.complete;
  }
  let complete = true;
  await forEachBucketOf(found, index.length, signal, async (id, paths, stop) => {
    const { bucket } = (await readFitting(originInfo, index, id, stop)) ?? {};
    if (bucket === undefined) complete = false;
    for (const path of paths)
      if (bucket === undefined || (bucket.has(path) && scope.wants(path))) found.delete(path);
  });
  return complete;
}

/**
 * Removes what is deleted: a listing names deleted secrets too.
 *
 * @returns paths whose metadata cannot be read: they count as found
 */
async function removeDeleted(
  deps: DestinationDeps,
  found: FoundSecrets,
  signal: AbortSignal,
): Promise<Set<string>> {
  const forbidden = new Set<string>();
  const unsure = new Set<string>();
  await inVerifyPool(deps, [...found], signal, async ([path, { mount, rel }], stop) => {
    // One refusal is enough for a mount: policies are rarely made for single secrets.
    if (forbidden.has(mount)) {
      unsure.add(path);
      return;
    }
    try {
      const metadata = await deps.vault.metadata(mount, rel, stop);
      if (metadata === undefined || insightOfMetadata(metadata, Date.now()) === undefined) found.delete(path);
    } catch (error) {
      if (stop.aborted) throw error;
      throwOutage(error);
      if (pathFailureClass(error) === 'forbidden') forbidden.add(mount);
      unsure.add(path);
    }
  });
  return unsure;
}

/** Says of each one what is known about it. */
async function described(
  deps: DestinationDeps,
  found: FoundSecrets,
  unsure: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<Finding[]> {
  if (found.size === 0) return [];
  const orphans = await deps.orphans.read(signal);
  const claimedFor = await claimedTargets(deps, found, signal);
  return [...found.keys()].map((path): Finding => {
    const orphan = orphans.get(path);
    if (orphan !== undefined) return { kind: 'orphan', path, with: orphan.of };
    const origin = claimedFor.get(path);
    if (origin !== undefined) return { kind: 'extra', path, class: 'kept', with: origin };
    return { kind: 'extra', path, ...(unsure.has(path) ? { class: 'perhaps-deleted' } : {}) };
  });
}

/** Which of them the destination's info names: they were copied, and are kept on purpose or wait for their delete. */
async function claimedTargets(
  { info, scope, config }: DestinationDeps,
  found: FoundSecrets,
  signal: AbortSignal,
): Promise<Map<string, string>> {
  const claimed = new Map<string, string>();
  const { index } = await info.readIndex(signal);
  if (index === undefined) return claimed;
  const look = async (id: number, stop: AbortSignal): Promise<void> => {
    const { bucket } = await info.readBucket(id, stop);
    for (const path of bucket?.keys() ?? []) {
      const target = scope.target(path);
      if (found.has(target)) claimed.set(target, path);
    }
  };
  if (config.destination.transforms.length === 0) {
    await forEachBucketOf(found, index.length, signal, (id, _paths, stop) => look(id, stop));
  } else {
    await inParallel([...index.keys()], signal, look, CONSUL_READS);
  }
  return claimed;
}

/** Without transforms a path is its own target, so that only its own bucket can name it. */
export async function forEachBucketOf(
  found: ReadonlyMap<string, Location>,
  numBuckets: number,
  signal: AbortSignal,
  work: (id: number, paths: readonly string[], signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const buckets = new Map<number, string[]>();
  for (const path of found.keys()) {
    const id = bucketId(path, numBuckets);
    const paths = buckets.get(id);
    if (paths === undefined) buckets.set(id, [path]);
    else paths.push(path);
  }
  await inParallel([...buckets], signal, ([id, paths], stop) => work(id, paths, stop), CONSUL_READS);
}
