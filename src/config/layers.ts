import { type GivenValues, type Reading, readValue } from './given-values';
import {
  allKeys,
  type Key,
  nameOf,
  nearestKey,
  printableKey,
  REPLACED_KEYS,
  rootKey,
  valueKeys,
} from './keys';
import { Unquoted, withoutMark } from './syntax';

/* The layers of the configuration: the file, the environment, flags. The schema checks their values later. */

interface FileValue {
  readonly value: unknown;
  /** The key as written; parts that could be secret are cut off. */
  readonly written: string;
  /** How many parts of the key each name in the file has: [3] for "origin.vault.address", [1, 1, 1] if nested. */
  readonly parts: readonly number[];
}

/**
 * Sets the values that a file gives. As in the original, keys may be written in upper and lower case, and with dots in
 * place of sections: "origin.vault.address" is the same as nested sections, and wins over them. Unknown and replaced keys
 * are reported.
 */
export function setFromFile(
  content: Readonly<Record<string, unknown>>,
  values: GivenValues,
  reading: Reading,
): void {
  const { source, warnings } = reading;
  const report = (key: string, message: string): void => {
    values.problems.push({ key, source, message });
  };
  const found = new Map<Key, FileValue>();
  read(rootKey, content, []);
  for (const [key, { value, written }] of found) {
    if (key.kind === 'section') report(written, 'must be a section with keys of its own');
    else if (key.kind === 'rules') values.set(key.path, rulesOf(key, value), source);
    else values.set(key.path, readValue(key, value, reading), source);
  }

  function read(section: Key, content: Readonly<Record<string, unknown>>, parts: readonly number[]): void {
    const known: [Key, FileValue][] = [];
    for (const [name, value] of Object.entries(content)) {
      // Editors find our JSON Schema by this key.
      if (section === rootKey && name === '$schema') continue;
      const { key, written } = keyNamed(section, section.path, name);
      if (key !== undefined) known.push([key, { value, written, parts: [...parts, name.split('.').length] }]);
      // The original accepts its old keys if they are empty.
      else if (!isEmpty(value) || !REPLACED_KEYS.has(written.toLowerCase()))
        report(written, whyUnknown(written));
    }
    for (const [key, now] of known) {
      if (isEmpty(now.value)) continue;
      if (key.children.size > 0 && isObject(now.value) && key.kind !== 'rules')
        read(key, now.value, now.parts);
      else take(key, now);
    }
  }

  /** Of two values, the one with more dots in its first name counts, then in its second, and so on. */
  function take(key: Key, now: FileValue): void {
    const before = found.get(key);
    const place = before?.parts.findIndex((part, position) => part !== now.parts[position]) ?? -1;
    if (before === undefined) found.set(key, now);
    else if (place < 0) report(now.written, TWICE);
    else {
      if ((before.parts[place] ?? 0) < (now.parts[place] ?? 0)) found.set(key, now);
      warnings.push(`${key.path} (${source}) is written twice; the one with more dots is used`);
    }
  }

  /** A single rule need not be in a list: a block of HCL that is written once is not a list. */
  function rulesOf(key: Key, value: unknown): unknown {
    const rules: unknown[] = Array.isArray(value) ? value : [value];
    return rules.map((rule, number) => {
      if (!isObject(rule)) return withoutMark(rule);
      const members = new Map<string, unknown>();
      for (const [name, value] of Object.entries(rule)) {
        const { key: member, written } = keyNamed(key, `${key.path}[${number}]`, name);
        if (!member) report(written, whyUnknown(written));
        else if (members.has(nameOf(member))) report(written, TWICE);
        else if (!isEmpty(value))
          members.set(nameOf(member), readValue({ ...member, path: written }, value, reading));
      }
      return Object.fromEntries(members);
    });
  }
}

const TWICE = 'is written twice, in upper and lower case; keep one';

/** The key below a section that a name in a file means; it may be one of several parts, joined by dots. */
function keyNamed(section: Key, path: string, name: string): { key: Key | undefined; written: string } {
  const parts = name.split('.');
  let key = section;
  let written = path;
  for (const [position, part] of parts.entries()) {
    const child = key.children.get(part.toLowerCase());
    const shown = printableKey(part);
    written = written === '' ? shown : `${written}.${shown}`;
    if (child === undefined) {
      // The dot may be part of a secret: a forgotten quote can make a secret part of a key.
      const isLast = position === parts.length - 1;
      return { key: undefined, written: isLast || shown.endsWith('…') ? written : `${written}…` };
    }
    key = child;
  }
  return { key, written };
}

/** As in the original, empty text counts as not given. */
function isEmpty(value: unknown): boolean {
  return value === null || value === undefined || value === '';
}

function whyUnknown(path: string): string {
  const replacement = REPLACED_KEYS.get(path.toLowerCase());
  if (replacement !== undefined) return `is no longer read; write ${replacement} instead`;
  const keys = allKeys().map(({ path }) => path);
  const nearest = nearestKey(path.replace(/\[\d+\]/g, ''), keys);
  return `is not a key of vsync; ${nearest === undefined ? 'remove it' : `did you mean ${nearest}?`}`;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Unquoted);
}

const PREFIX = 'VSYNC_';

/** Variables with our prefix that are not keys: the file itself, and the folder of the tests' servers. */
const OTHER_VARIABLES: ReadonlySet<string> = new Set(['VSYNC_CONFIG', 'VSYNC_SERVERS_DIR']);

/** Every key that takes a value, by its path and by the shorter name of the original's flags, in lower case. */
function keysByPath(): Map<string, Key> {
  const byPath = valueKeys().map((key) => [key.path.toLowerCase(), key] as const);
  const byAlias = byPath.map(
    ([path, key]) => [path.replace(/\.approle\.(role_id|secret_id)$/, '.$1'), key] as const,
  );
  return new Map([...byPath, ...byAlias]);
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
export function setFromEnvironment(env: NodeJS.ProcessEnv, values: GivenValues): void {
  const { problems, warnings } = values;
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
    else if (key) values.set(key.path, readValue(key, value, { source, warnings }), source);
    else if (replacement !== undefined) {
      problems.push({ source, message: `is no longer read; set ${replacement} instead` });
    } else {
      const nearest = nearestKey(name.toUpperCase(), [...keys.keys()]);
      const hint = nearest === undefined ? '' : `; did you mean ${nearest}?`;
      warnings.push(`${source} is not a key of vsync and is ignored${hint}`);
    }
  }
}

/** By the path of the key. As in the original, an empty flag empties the key: the environment and the file do not count. */
export function setFromFlags(flags: Readonly<Record<string, string>>, values: GivenValues): void {
  const { problems, warnings } = values;
  const keys = keysByPath();
  for (const [name, value] of Object.entries(flags)) {
    const source = `flag --${name}`;
    const key = keys.get(name.toLowerCase());
    if (!key || key.kind === 'rules') {
      problems.push({ source, message: 'is not a key of vsync that a flag can give' });
    } else if (value === '') {
      const emptied = values.get(key.path);
      values.unset(key.path);
      if (emptied !== undefined) warnings.push(`${source} is empty: ${emptied.shown} is not used`);
    } else values.set(key.path, readValue(key, value, { source, warnings }), source);
  }
}
