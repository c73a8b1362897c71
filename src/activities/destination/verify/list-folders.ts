import { z } from 'zod';
import { StoredInfoError } from '../../../consul/errors';
import type { Staging } from '../../../sync-info/staging';
import type { PathFailure } from '../../../contract/cycle';
import type { ListFoldersResult } from '../../../contract/verify';
import type { Kv2 } from '../../../vault/kv2';
import { pathFailureClass } from '../../shared/failures';
import { MAX_FAILURES, MAX_FOLDER_LEVELS, MAX_GROUPS } from '../../../limits';
import { throwOutage } from '../../shared/outages';
import { inVerifyPool } from '../base/copy-pool';
import type { DestinationDeps } from '../base/deps';
import { split } from '../cycle/diff-indices';

const LocationSchema = z.object({ mount: z.string(), rel: z.string() });
const ChunksSchema = z.object({
  v: z.literal(1),
  chunks: z.array(z.object({ folders: z.array(LocationSchema), secrets: z.array(LocationSchema) })),
});

/** A part of the destination's folders. */
export type FolderChunk = z.infer<typeof ChunksSchema>['chunks'][number];

/** What one LIST gave; paths relative to the mount, those of folders end in "/". */
export type Listed = FolderChunk;

/** Lists folders of one Vault, and keeps which of them it could not list. */
export class FolderLister {
  readonly unlisted: PathFailure[] = [];

  constructor(
    private readonly deps: Pick<DestinationDeps, 'copyPool' | 'verifyPool'>,
    private readonly vault: Kv2,
  ) {}

  /** One level: all of these folders at once. */
  async list(folders: FolderChunk['folders'], signal: AbortSignal): Promise<Listed> {
    const listed: Listed = { folders: [], secrets: [] };
    await inVerifyPool(this.deps, folders, signal, async ({ mount, rel }, stop) => {
      for (const name of await this.names(mount, rel, stop))
        listed[name.endsWith('/') ? 'folders' : 'secrets'].push({ mount, rel: rel + name });
    });
    return listed;
  }

  private async names(mount: string, folder: string, stop: AbortSignal): Promise<string[]> {
    try {
      const names = await this.vault.list(mount, folder, stop);
      return names;
    } catch (error) {
      if (stop.aborted) throw error;
      throwOutage(error);
      const failure = { path: mount + folder, class: pathFailureClass(error) };
      if (this.unlisted.length < MAX_FAILURES) this.unlisted.push(failure);
      return [];
    }
  }
}

/**
 * Lists the top of the destination's mounts, level by level until there are enough folders to share, and stages what
 * is left to walk.
 */
export async function listFolders(deps: DestinationDeps, signal: AbortSignal): Promise<ListFoldersResult> {
  const lister = new FolderLister(deps, deps.vault);
  let folders = deps.config.destination.mounts.map((mount) => ({ mount, rel: '' }));
  const secrets: FolderChunk['secrets'] = [];
  for (
    let level = 0;
    level < MAX_FOLDER_LEVELS && folders.length > 0 && folders.length < MAX_GROUPS;
    level++
  ) {
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

/** @throws StoredInfoError if the list is gone or damaged */
export async function readFolderChunk(
  staging: Staging,
  reference: string,
  chunk: number,
  signal: AbortSignal,
): Promise<FolderChunk> {
  const parsed = ChunksSchema.safeParse(await staging.get(reference, signal));
  const found = parsed.success ? parsed.data.chunks[chunk] : undefined;
  if (found !== undefined) return found;
  throw new StoredInfoError(staging.address, reference, 'not a list of folders; run vsync verify again');
}
