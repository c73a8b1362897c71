import { z } from 'zod';
import { inParallel } from '../../../concurrency/work-pool';
import { StoredInfoError } from '../../../consul/errors';
import type { PathFailure } from '../../../contract/cycle';
import type { ListExtrasInput, ListExtrasResult, ListFoldersResult } from '../../../contract/verify';
import { CONSUL_READS, MAX_FAILURES, MAX_FOLDER_LEVELS, MAX_GROUPS } from '../../../limits';
import { bucketId, grouped } from '../../../rules/bucket';
import { insightOfMetadata } from '../../../rules/insight';
import { dataPath, type Location } from '../../../rules/paths';
import { readFitting } from '../../../sync-info/indexed-buckets';
import type { Kv2 } from '../../../vault/kv2';
import { failureOfPath } from '../../shared/failures';
import { inVerifyPool, type DestinationDeps } from '../base/deps';
import { split } from '../cycle/diff-indices';
import { counted, stageFindings, type Finding } from './findings';

const LocationSchema = z.object({ mount: z.string(), rel: z.string() });
const ChunksSchema = z.object({
  v: z.literal(1),
  chunks: z.array(z.object({ folders: z.array(LocationSchema), secrets: z.array(LocationSchema) })),
});

/** A part of the destination's folders: paths relative to the mount, those of folders end in "/". */
type FolderChunk = z.infer<typeof ChunksSchema>['chunks'][number];

/** Lists folders of one Vault, and keeps which of them it could not list. */
export class FolderLister {
  readonly unlisted: PathFailure[] = [];

  constructor(
    private readonly deps: Pick<DestinationDeps, 'copyPool' | 'verifyPool'>,
    private readonly vault: Kv2,
  ) {}

  /** One level: all of these folders at once. */
  async list(folders: FolderChunk['folders'], signal: AbortSignal): Promise<FolderChunk> {
    const listed: FolderChunk = { folders: [], secrets: [] };
    await inVerifyPool(this.deps, folders, signal, async ({ mount, rel }, stop) => {
      for (const name of await this.names(mount, rel, stop))
        listed[name.endsWith('/') ? 'folders' : 'secrets'].push({ mount, rel: rel + name });
    });
    return listed;
  }

  private async names(mount: string, folder: string, stop: AbortSignal): Promise<string[]> {
    try {
      return await this.vault.list(mount, folder, stop);
    } catch (error) {
      const failure = { path: mount + folder, class: failureOfPath(error, stop) };
      if (this.unlisted.length < MAX_FAILURES) this.unlisted.push(failure);
      return [];
    }
  }
}

/** Lists the destination's mounts, level by level until there are enough folders to share, and stages what is left. */
export async function listFolders(deps: DestinationDeps, signal: AbortSignal): Promise<ListFoldersResult> {
  const lister = new FolderLister(deps, deps.vault);
  let folders = deps.config.destination.mounts.map((mount) => ({ mount, rel: '' }));
  const secrets: FolderChunk['secrets'] = [];
  for (let level = 0; level < MAX_FOLDER_LEVELS; level++) {
    if (folders.length === 0 || folders.length >= MAX_GROUPS) break;
    const listed = await lister.list(folders, signal);
    folders = listed.folders;
    secrets.push(...listed.secrets);
  }
  const shares = split(folders, MAX_GROUPS);
  // What was found on the way is a chunk more, if there is room for one.
  const chunks =
    shares.length < MAX_GROUPS
      ? [{ folders: [], secrets }, ...shares.map((share) => ({ folders: share, secrets: [] }))]
      : shares.map((share, position) => ({ folders: share, secrets: position === 0 ? secrets : [] }));
  const reference = await deps.staging.put({ v: 1, chunks } satisfies z.infer<typeof ChunksSchema>, signal);
  return { v: 1, folders: reference, chunks: chunks.length, unlisted: lister.unlisted };
}

/** Secrets at the destination by data path. */
type FoundSecrets = Map<string, Location>;

/** Names the secrets in a part of the destination's folders that belong to no secret of the origin. Reads no values. */
export async function listExtras(
  deps: DestinationDeps,
  { folders, chunk }: ListExtrasInput,
  signal: AbortSignal,
  progress: (done: number) => void,
): Promise<ListExtrasResult> {
  const lister = new FolderLister(deps, deps.vault);
  const { data } = ChunksSchema.safeParse(await deps.staging.get(folders, signal));
  const part = data?.chunks[chunk];
  if (part === undefined)
    throw new StoredInfoError(deps.staging.address, folders, 'not a list of folders; run vsync verify again');
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

/** Removes the places where a secret of the origin belongs, or may belong. @returns false if something was unknown */
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

/** Removes what is deleted: a listing names it too. @returns paths whose metadata cannot be read: they count as found */
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
      if (failureOfPath(error, stop) === 'forbidden') forbidden.add(mount);
      unsure.add(path);
    }
  });
  return unsure;
}

/** What is known of each one. Those that the destination's info names are kept on purpose, or wait for their delete. */
async function described(
  { info, scope, config, orphans }: DestinationDeps,
  found: FoundSecrets,
  unsure: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<Finding[]> {
  if (found.size === 0) return [];
  const known = await orphans.read(signal);
  const { index = [] } = await info.readIndex(signal);
  const claimedFor = new Map<string, string>();
  const readClaims = async (id: number, stop: AbortSignal): Promise<void> => {
    const { bucket } = await info.readBucket(id, stop);
    for (const path of bucket?.keys() ?? [])
      if (found.has(scope.target(path))) claimedFor.set(scope.target(path), path);
  };
  if (config.destination.transforms.length > 0)
    await inParallel([...index.keys()], signal, readClaims, CONSUL_READS);
  else if (index.length > 0)
    await forEachBucketOf(found, index.length, signal, (id, _paths, stop) => readClaims(id, stop));
  return [...found.keys()].map((path): Finding => {
    const orphan = known.get(path);
    if (orphan !== undefined) return { kind: 'orphan', path, with: orphan.of };
    const origin = claimedFor.get(path);
    if (origin !== undefined) return { kind: 'extra', path, class: 'kept', with: origin };
    return { kind: 'extra', path, ...(unsure.has(path) ? { class: 'perhaps-deleted' } : {}) };
  });
}

/** Without transforms a path is its own target, so that only its own bucket can name it. */
export async function forEachBucketOf(
  found: ReadonlyMap<string, Location>,
  numBuckets: number,
  signal: AbortSignal,
  work: (id: number, paths: readonly string[], signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const buckets = grouped(found.keys(), (path) => bucketId(path, numBuckets));
  await inParallel([...buckets], signal, ([id, paths], stop) => work(id, paths, stop), CONSUL_READS);
}
