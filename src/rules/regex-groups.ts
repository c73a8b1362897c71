/** A regular expression whose named groups were given unique names. */
export interface RenamedGroups {
  readonly source: string;
  /** The name that the author gave, by unique name. */
  readonly names: ReadonlyMap<string, string>;
}

/**
 * Everything in RE2 syntax that has to be read as a whole, so that a "(?P<" inside it is not taken for a group:
 * quoted text, an escaped character, a character class. The last alternative is the group itself.
 */
const TOKEN = /\\Q[^]*?(?:\\E|$)|\\[^]|\[\^?\]?(?:\[:\^?\w+:\]|\\[^]|[^\]\\])*\]|\(\?P?<(\w+)>/g;

/**
 * Gives each named group of an RE2 regular expression a unique name ("group1", "group2", …), for a compiler
 * that refuses to see one name twice. Nothing else changes.
 */
export function renameGroups(source: string): RenamedGroups {
  const names = new Map<string, string>();
  const renamed = source.replace(TOKEN, (token, name: string | undefined) => {
    if (name === undefined) return token;
    const unique = `group${names.size + 1}`;
    names.set(unique, name);
    return `(?P<${unique}>`;
  });
  return { source: renamed, names };
}
