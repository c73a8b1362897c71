import { isDeepStrictEqual } from 'node:util';
import type { DestinationConfig, OriginConfig } from '../config/schema';
import { isLiteral, literalFolder } from '../rules/filter';

export type Capability = 'create' | 'read' | 'update' | 'delete' | 'list';

/** One capability of a Vault policy. */
export interface Grant {
  /** As a policy names it: "secret/data/*". */
  readonly policyPath: string;
  readonly capability: Capability;
  /**
   * The path that Vault is asked about. Not the folder itself unless it is to be listed: policies often have a
   * line of their own for the folder, which says nothing about what is below it.
   */
  readonly asked: string;
}

/** One capability that a role needs in a Vault. */
export interface Need extends Grant {
  /** Another one that does too, but not as well. */
  readonly instead?: Grant & { readonly advice: string };
}

interface FolderOfMount {
  readonly mount: string;
  /** "" or "team/" */
  readonly folder: string;
}

/** A part of a mount that a sync works on: a folder, or one secret in it. */
interface MountPart extends FolderOfMount {
  readonly name?: string;
}

/** Stands for any secret of a folder. Policies do not ask whether it exists. */
const ANY_SECRET = 'vsync-check';

/** What an origin needs in its Vault: the names of secrets and their metadata, no values. */
export function originNeeds({ origin }: OriginConfig): Need[] {
  return partsOf(origin.mounts, origin.include).flatMap((part) => [
    toList(part),
    to('read', 'metadata', part),
  ]);
}

/** What makes an origin's scan cheaper at OpenBao: the metadata of a folder in one request. No cycle needs it. */
export function folderMetadataGrants({ origin }: OriginConfig): (Grant & FolderOfMount)[] {
  return partsOf(origin.mounts, origin.include).map((part) => ({
    ...toList(part, 'detailed-metadata'),
    mount: part.mount,
    folder: part.folder,
  }));
}

/** What a destination needs in the origin's Vault and in its own. */
export function destinationNeeds(config: DestinationConfig): { origin: Need[]; destination: Need[] } {
  const { origin, destination, ignoreDeletes } = config;
  const include = destination.include.length > 0 ? destination.include : origin.include;
  // The glob does not show where a transform moves a path.
  const ownInclude = destination.transforms.length > 0 ? [] : include;
  return {
    origin: partsOf(origin.mounts, include).flatMap((part) => [
      to('read', 'data', part),
      to('read', 'metadata', part),
    ]),
    destination: partsOf(destination.mounts, ownInclude).flatMap((part) => [
      ...(['create', 'read', 'update'] as const).map((capability) => to(capability, 'data', part)),
      ...(ignoreDeletes ? [] : [toDelete(part)]),
      // Reading them only saves writes: without it, settings are written that may be there already.
      ...(config.syncMetadata
        ? (['create', 'update'] as const).map((capability) => to(capability, 'metadata', part))
        : []),
    ]),
  };
}

function to(capability: Capability, part: string, { mount, folder, name }: MountPart): Grant {
  const start = `${mount}${part}/${folder}`;
  return { policyPath: start + (name ?? '*'), capability, asked: start + (name ?? ANY_SECRET) };
}

function toList({ mount, folder, name }: MountPart, area = 'metadata'): Grant {
  const start = `${mount}${area}/${folder}`;
  return { policyPath: name === undefined ? `${start}*` : start, capability: 'list', asked: start };
}

/** Policies that were written for the original have only `delete` on `data/`. */
function toDelete(part: MountPart): Need {
  const exact = to('update', 'delete', part);
  return {
    ...exact,
    instead: {
      ...to('delete', 'data', part),
      advice: `add update on ${exact.policyPath}: a delete then hits exactly the version that was looked at`,
    },
  };
}

/** The widest parts of the mounts in which everything lies that the globs include; all of them without globs. */
function partsOf(mounts: readonly string[], include: readonly string[]): MountPart[] {
  if (include.length === 0) return mounts.map((mount) => ({ mount, folder: '' }));
  const parts = include.flatMap((glob) => mounts.flatMap((mount) => partOf(glob, mount) ?? []));
  const isWidest = (part: MountPart): boolean => !parts.some((other) => holds(other, part));
  return parts.filter(
    (part, at) => isWidest(part) && parts.findIndex((one) => isDeepStrictEqual(one, part)) === at,
  );
}

function partOf(glob: string, mount: string): MountPart | undefined {
  const folder = literalFolder(glob);
  if (mount.startsWith(folder)) return { mount, folder: '', ...nameOf(glob, mount) };
  if (!folder.startsWith(mount)) return undefined;
  return { mount, folder: folder.slice(mount.length), ...nameOf(glob, folder) };
}

/** The secret that a glob without wildcards names, if it is in this folder. */
function nameOf(glob: string, folder: string): { name?: string } {
  return isLiteral(glob) && glob.startsWith(folder) ? { name: glob.slice(folder.length) } : {};
}

/** Whether a folder is wider than another part. */
function holds(outer: MountPart, inner: MountPart): boolean {
  if (isDeepStrictEqual(outer, inner) || outer.mount !== inner.mount || outer.name !== undefined)
    return false;
  return inner.folder.startsWith(outer.folder);
}
