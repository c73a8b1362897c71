/** Another spelling of the root namespace, at OpenBao and at Vault Enterprise: a header with it leads to the root. */
export const ROOT_SPELLING = 'root';

/**
 * The one form of a namespace: `team/a`, empty for the root. Servers take more spellings of the same place (`/team/a/`,
 * `team//a`, and `root` for the root), and two that are the same have to look the same: in the fingerprint, and where
 * origin and destination are compared.
 */
export function normalNamespace(namespace: string): { value: string } | { problem: string } {
  const segments = namespace.split('/').filter((segment) => segment !== '');
  if (segments.includes('.') || segments.includes('..'))
    return { problem: 'must not have "." or ".." as a part' };
  const value = segments.join('/');
  return { value: value === ROOT_SPELLING ? '' : value };
}

/** The same for what an earlier version stored, which knew only the slashes at both ends. */
export function storedNamespace(namespace: string): string {
  const normal = normalNamespace(namespace);
  return 'value' in normal ? normal.value : namespace;
}

/**
 * What stands between two namespaces: `a/` from the root to `a`.
 *
 * @returns undefined if the second one does not lie in the first one
 */
export function prefixBetween(outer: string, inner: string): string | undefined {
  if (outer === inner) return '';
  if (outer === '') return `${inner}/`;
  return inner.startsWith(`${outer}/`) ? `${inner.slice(outer.length + 1)}/` : undefined;
}
