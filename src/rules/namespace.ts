/** Another spelling of the root namespace, at OpenBao and Vault Enterprise: a header with it reaches the root. */
export const ROOT_SPELLING = 'root';

/**
 * The normal form of a namespace: `team/a`, empty for the root. Servers accept more spellings (`/team/a/`, `team//a`, and
 * `root` for the root). The same namespace must be the same text, in the fingerprint and where origin and destination
 * are compared.
 */
export function normalNamespace(namespace: string): { value: string } | { problem: string } {
  const segments = namespace.split('/').filter((segment) => segment !== '');
  if (segments.includes('.') || segments.includes('..'))
    return { problem: 'must not have "." or ".." as a part' };
  const value = segments.join('/');
  return { value: value === ROOT_SPELLING ? '' : value };
}

/** The same for the answer of a server. */
export function storedNamespace(namespace: string): string {
  const normal = normalNamespace(namespace);
  return 'value' in normal ? normal.value : namespace;
}

/** The path from one namespace to another: `a/` from the root to `a`. Undefined if the second is not inside the first. */
export function prefixBetween(outer: string, inner: string): string | undefined {
  if (outer === inner) return '';
  if (outer === '') return `${inner}/`;
  return inner.startsWith(`${outer}/`) ? `${inner.slice(outer.length + 1)}/` : undefined;
}
