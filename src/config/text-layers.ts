import type { ConfigProblem } from './errors';
import { allKeys, REPLACED_KEYS, type Key } from './keys';
import { nearestKey } from './nearest';
import { misreadings } from './misreadings';
import { coerce, type Settings } from './settings';

const PREFIX = 'VSYNC_';

/** Variables with our prefix that are no keys: the file itself, and where the tests' servers are kept. */
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
function valueKeys(): Map<string, Key> {
  const all = allKeys();
  const rules = all.filter(({ kind }) => kind === 'rules');
  const keys = new Map(
    all
      .filter(({ kind }) => kind !== 'section')
      .filter(({ path }) => !rules.some((rule) => path.startsWith(`${rule.path}.`)))
      .map((key) => [key.path.toLowerCase(), key]),
  );
  for (const [alias, path] of ALIASES) {
    const key = keys.get(path);
    if (key) keys.set(alias, key);
  }
  return keys;
}

/**
 * Sets what the environment gives: `VSYNC_` and the path of the key joined by "_", in upper or lower case.
 * Variables are looked up by their whole name, because keys such as role_id have a "_" of their own. Unknown
 * ones are ignored, with a warning: others may use the prefix too. Empty ones count as not set.
 */
export function setFromEnvironment(
  env: NodeJS.ProcessEnv,
  settings: Settings,
  problems: ConfigProblem[],
  warnings: string[],
): void {
  const keys = byVariable(valueKeys());
  const replaced = byVariable(REPLACED_KEYS);
  const given = Object.entries(env)
    .filter(([name, value]) => name.toUpperCase().startsWith(PREFIX) && value !== undefined && value !== '')
    .filter(([name]) => !OTHER_VARIABLES.has(name.toUpperCase()))
    // Shorter first, so that VSYNC_TEMPORAL_TLS does not replace VSYNC_TEMPORAL_TLS_CAFILE; of two that differ
    // in case, the one in upper case last, so that it wins.
    .sort(([a], [b]) => a.length - b.length || (a < b ? 1 : -1));
  for (const [name, value] of given) {
    const source = `environment ${name}`;
    const key = keys.get(name.toUpperCase());
    const replacement = replaced.get(name.toUpperCase());
    if (key?.kind === 'rules')
      problems.push({ key: key.path, source, message: 'can be given in the file only' });
    else if (key) setText(key, value ?? '', source, settings, warnings);
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
 * Sets what flags give. Their names are the paths of keys, without the dashes. As in the original, an empty one
 * empties the key: what the environment and the file give for it does not count.
 */
export function setFromFlags(
  flags: Readonly<Record<string, string>>,
  settings: Settings,
  problems: ConfigProblem[],
  warnings: string[],
): void {
  const keys = valueKeys();
  for (const [name, value] of Object.entries(flags)) {
    const source = `flag --${name}`;
    const key = keys.get(name.toLowerCase());
    if (key && key.kind !== 'rules' && value === '') {
      const emptied = settings.sourceOf(key.path);
      settings.unset(key.path);
      if (emptied !== undefined) warnings.push(`${source} is empty: ${key.path} (${emptied}) is not used`);
    } else if (key && key.kind !== 'rules') setText(key, value, source, settings, warnings);
    else problems.push({ source, message: 'is not a key of vsync that a flag can give' });
  }
}

function setText(key: Key, text: string, source: string, settings: Settings, warnings: string[]): void {
  warnings.push(...misreadings(key, source, text));
  const value = coerce(key, text);
  if (value !== undefined) settings.set(key.path, value, source);
}

/** The same, by the name of the environment variable. */
function byVariable<T>(byPath: ReadonlyMap<string, T>): Map<string, T> {
  return new Map(
    [...byPath].map(([path, value]) => [PREFIX + path.toUpperCase().replaceAll('.', '_'), value] as const),
  );
}
