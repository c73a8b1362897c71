import { coerce, misreadings } from './coerce';
import type { Reports } from './errors';
import type { GivenValues } from './given-values';
import { nearestKey, REPLACED_KEYS, valueKeys, type Key } from './keys';

const PREFIX = 'VSYNC_';

/** Variables with our prefix that are not keys: the file itself, and the folder of the tests' servers. */
const OTHER_VARIABLES: ReadonlySet<string> = new Set(['VSYNC_CONFIG', 'VSYNC_SERVERS_DIR']);

/** Shorter names that the original has for flags. */
const ALIASES: ReadonlyMap<string, string> = new Map(
  ['origin', 'destination'].flatMap((side) =>
    ['role_id', 'secret_id'].map(
      (name) => [`${side}.vault.${name}`, `${side}.vault.approle.${name}`] as const,
    ),
  ),
);

/** Every key that takes a value, by its path and its alias in lower case. */
function keysByPath(): Map<string, Key> {
  const keys = new Map(valueKeys().map((key) => [key.path.toLowerCase(), key]));
  for (const [alias, path] of ALIASES) {
    const key = keys.get(path);
    if (key) keys.set(alias, key);
  }
  return keys;
}

/** The same, by the name of the environment variable. */
function byVariable<T>(byPath: ReadonlyMap<string, T>): Map<string, T> {
  return new Map(
    [...byPath].map(([path, value]) => [PREFIX + path.toUpperCase().replaceAll('.', '_'), value] as const),
  );
}

/**
 * Sets the values that the environment gives. A variable is `VSYNC_` and the path of the key joined by "_", in upper or
 * lower case. It is looked up by its whole name, because keys such as role_id contain a "_". Unknown variables are
 * ignored with a warning, because other programs may use the prefix too. An empty variable counts as not set.
 */
export function setFromEnvironment(
  env: NodeJS.ProcessEnv,
  values: GivenValues,
  { problems, warnings }: Reports,
): void {
  const keys = byVariable(keysByPath());
  const replaced = byVariable(REPLACED_KEYS);
  const given = Object.entries(env)
    .filter(([name, value]) => name.toUpperCase().startsWith(PREFIX) && value !== undefined && value !== '')
    .filter(([name]) => !OTHER_VARIABLES.has(name.toUpperCase()))
    // Shorter names first: VSYNC_TEMPORAL_TLS must not replace VSYNC_TEMPORAL_TLS_CAFILE. Of two names that differ
    // only in case, the one in upper case is last and wins.
    .sort(([a], [b]) => a.length - b.length || (a < b ? 1 : -1));
  for (const [name, value] of given) {
    const source = `environment ${name}`;
    const key = keys.get(name.toUpperCase());
    const replacement = replaced.get(name.toUpperCase());
    if (key?.kind === 'rules')
      problems.push({ key: key.path, source, message: 'can be given in the file only' });
    else if (key) setText(key, value ?? '', source, values, warnings);
    else if (replacement !== undefined) {
      problems.push({ source, message: `is no longer read; set ${replacement} instead` });
    } else {
      const nearest = nearestKey(name.toUpperCase(), [...keys.keys()]);
      const hint = nearest === undefined ? '' : `; did you mean ${nearest}?`;
      warnings.push(`${source} is not a key of vsync and is ignored${hint}`);
    }
  }
}

/**
 * Sets the values that flags give. As in the original, an empty flag empties the key: the values of the environment and
 * the file do not count.
 *
 * @param flags by the path of the key, without the dashes
 */
export function setFromFlags(
  flags: Readonly<Record<string, string>>,
  values: GivenValues,
  { problems, warnings }: Reports,
): void {
  const keys = keysByPath();
  for (const [name, value] of Object.entries(flags)) {
    const source = `flag --${name}`;
    const key = keys.get(name.toLowerCase());
    if (key && key.kind !== 'rules' && value === '') {
      const emptied = values.sourceOf(key.path);
      values.unset(key.path);
      if (emptied !== undefined) warnings.push(`${source} is empty: ${key.path} (${emptied}) is not used`);
    } else if (key && key.kind !== 'rules') setText(key, value, source, values, warnings);
    else problems.push({ source, message: 'is not a key of vsync that a flag can give' });
  }
}

function setText(key: Key, text: string, source: string, values: GivenValues, warnings: string[]): void {
  warnings.push(...misreadings(key, source, text));
  const value = coerce(key, text);
  if (value !== undefined) values.set(key.path, value, source);
}
