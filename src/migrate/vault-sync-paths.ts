import { dataPath } from '../rules/paths';
import type { TransformRule } from '../rules/transform';
import type { VaultSyncFile } from './vault-sync-file';

/*
 * What a vault-sync does with paths, in the words of vsync: it takes the prefix of the source away, and puts the
 * one of the destination before what is left; the n-th mount of the source goes to the n-th of the destination.
 */

type Sides = Pick<VaultSyncFile, 'src' | 'dst'>;

/** Globs on the paths that the source's prefix leaves over; none if it has no prefix. */
export function includesOf({ src }: Pick<VaultSyncFile, 'src'>): string[] {
  return src.folder === '' ? [] : src.mounts.map((mount) => globOf(mount + src.folder));
}

/** One rule for each mount whose secrets do not keep their path. */
export function transformsOf({ src, dst }: Sides): TransformRule[] {
  return src.mounts.flatMap((mount, number) => {
    const target = dst.mounts[number] ?? mount;
    if (mount === target && src.folder === dst.folder) return [];
    const to = `${target}data/${dst.folder}`;
    const group = freeName(to.split('/'));
    // vault-sync takes its prefix away as often as it stands there.
    const prefix = src.folder === '' ? '' : `(?:${quoted(src.folder)})+`;
    return [
      {
        name: `${mount}${src.folder} to ${target}${dst.folder}`,
        from: `(?s)^${quoted(dataPath(mount, ''))}${prefix}(?P<${group}>.+)$`,
        to: to + group,
      },
    ];
  });
}

/** A part of the new path that is called like the group would be replaced. */
function freeName(taken: readonly string[]): string {
  let name = 'rest';
  while (taken.includes(name)) name += '_';
  return name;
}

/** Whether something that arrives at the destination stands where the source is read. */
export function feedsItself({ src, dst }: Sides): boolean {
  if (src.url !== dst.url || src.namespace !== dst.namespace) return false;
  const read = src.mounts.map((mount) => mount + src.folder);
  return dst.mounts.some((mount, number) => {
    const written = mount + dst.folder;
    return written !== read[number] && read.some((folder) => written.startsWith(folder));
  });
}

/** As a regular expression that means just this text. */
function quoted(text: string): string {
  return text.replace(/[\\^$.|?*+()[\]{}]/g, '\\$&');
}

/**
 * A glob for all below a folder that means just this folder. Of several "\" in a row the globs lose some, so each is
 * a set of its own; behind a set a "+" means something, so it is escaped too.
 */
function globOf(folder: string): string {
  const literal = folder.replace(/[\\*?[\]{}()|+^$]/g, (char) => (char === '\\' ? '[\\\\]' : `\\${char}`));
  return `${literal}**`;
}
