/**
 * The paths of kv version 2. A mount is written with its trailing "/" ("secret/", "team/kv/"), a relative path
 * without a leading one ("runner/dev/app"). Sync info names each secret by its data path.
 */

/** `mount` as configured, `rel` the rest of the path. */
export interface Location {
  readonly mount: string;
  readonly rel: string;
}

/** "secret/" and "a/b" give "secret/metadata/a/b". */
export function metadataPath(mount: string, rel: string): string {
  return `${mount}metadata/${rel}`;
}

/**
 * The data path in sync info for a metadata path: the first "/metadata" becomes "/data" (wire format of vsync 0.3.0), also
 * in the name of a mount: "team/metadata-x/metadata/a" becomes "team/data-x/metadata/a", which is not a path in Vault.
 */
export function dataPathOf(metadataPath: string): string {
  return metadataPath.replace('/metadata', () => '/data');
}

export function dataPath(mount: string, rel: string): string {
  return dataPathOf(metadataPath(mount, rel));
}

/** The reverse of {@link dataPath}; undefined if the path is in none of the mounts. The longest beginning wins. */
export function locate(path: string, mounts: readonly string[]): Location | undefined {
  let best: { mount: string; start: string } | undefined;
  for (const mount of mounts) {
    // The first "/metadata" is never after this beginning, so it is the same for all paths of a mount.
    const start = dataPath(mount, '');
    if (path.startsWith(start) && start.length > (best?.start.length ?? 0)) best = { mount, start };
  }
  return best && { mount: best.mount, rel: path.slice(best.start.length) };
}

/** A path as Go's path.Join makes it: no "/" at its start or end, no repeated "/", and "." and ".." resolved. */
export function cleanPath(path: string): string {
  if (!UNCLEAN.test(path)) return path;
  const segments: string[] = [];
  for (const segment of path.split('/')) {
    if (segment === '..') segments.pop();
    else if (segment !== '' && segment !== '.') segments.push(segment);
  }
  return segments.join('/');
}

/** Some segment is empty, "." or "..". */
const UNCLEAN = /(?:^|\/)\.{0,2}(?:\/|$)/;

/** Splits a data path whose mount is not configured, at its first "/data/"; undefined if it is not a data path. */
export function splitDataPath(path: string): Location | undefined {
  const at = path.indexOf('/data/');
  return at <= 0 ? undefined : { mount: path.slice(0, at + 1), rel: path.slice(at + '/data/'.length) };
}

/**
 * Compares as Go does, by the bytes of UTF-8, for sort(). JavaScript's own order is that of UTF-16, which differs for
 * characters beyond U+FFFF. Half a surrogate pair counts as U+FFFD, which it becomes in UTF-8. Not for workflows: they
 * have no Buffer.
 */
export function bytewise(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const [unitA, unitB] = [a.charCodeAt(i), b.charCodeAt(i)];
    if (unitA === unitB) continue;
    const isBeyond = isSurrogate(unitA) || isSurrogate(unitB);
    return isBeyond ? Buffer.compare(Buffer.from(a), Buffer.from(b)) : unitA - unitB;
  }
  return a.length - b.length;
}

/** Replaces each single half of a surrogate pair by U+FFFD, as Go does when it reads JSON. */
export function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '\uFFFD');
}

function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdfff;
}
