import { dataPath } from '../rules/paths';

/** For editors, by way of the JSON Schema; "." and ".." as parts are left to {@link normalMount}. */
export const MOUNT_PATTERN = '^[^/]+(/[^/]+)*/?$';

/** The mount as vsync names it, with one "/" at its end; or what is wrong with it. */
export function normalMount(mount: string): { value: string } | { problem: string } {
  const value = mount.endsWith('/') ? mount : `${mount}/`;
  if (value.startsWith('/')) return { problem: 'must not begin with "/"' };
  const segments = value.slice(0, -1).split('/');
  if (segments.includes('')) return { problem: 'must not have an empty part between two "/"' };
  if (segments.includes('.') || segments.includes('..'))
    return { problem: 'must not have "." or ".." as a part' };
  return { value };
}

/** Without those that are given again, also with and without "/" at the end. */
export function distinctMounts(mounts: readonly unknown[]): unknown[] {
  const normal = (mount: unknown): unknown =>
    typeof mount === 'string' ? mount.replace(/\/*$/, '/') : mount;
  const seen = new Set<unknown>();
  return mounts.filter((mount) => !seen.has(normal(mount)) && seen.add(normal(mount)));
}

/**
 * What is wrong with the mounts taken together, or undefined: a secret must not be reachable through two.
 *
 * @param mounts in normal form
 */
export function conflictOf(mounts: readonly string[]): { position: number; problem: string } | undefined {
  for (const [position, mount] of mounts.entries()) {
    for (const other of mounts.slice(0, position)) {
      if (mount === other) return { position, problem: 'stands in the list twice' };
      if (mount.startsWith(other) || other.startsWith(mount)) {
        return {
          position,
          problem: `"${mount}" and "${other}" lie one inside the other; Vault has no such mounts`,
        };
      }
      if (dataPath(mount, '') === dataPath(other, '')) {
        return { position, problem: `"${mount}" and "${other}" get the same paths in sync info` };
      }
    }
  }
  return undefined;
}
