import type { ConfigProblem } from './errors';
import { allKeys, nameOf, REPLACED_KEYS, rootKey, type Key } from './keys';
import { nearestKey } from './nearest';
import { coerce, type Settings } from './settings';

/**
 * Sets what a file gives. Keys may be written in upper and lower case, as in the original; unknown and replaced
 * ones are reported.
 *
 * @param content top level of the file
 * @param source "file x.json"
 */
export function setFromFile(
  content: Readonly<Record<string, unknown>>,
  source: string,
  settings: Settings,
  problems: ConfigProblem[],
): void {
  const report = (key: string, message: string): void => {
    problems.push({ key, source, message });
  };
  // Editors write it there, to find our JSON Schema.
  setSection(rootKey, Object.fromEntries(Object.entries(content).filter(([name]) => name !== '$schema')));

  function setSection(section: Key, content: Readonly<Record<string, unknown>>): void {
    for (const [key, value] of members(section, section.path, content)) {
      if (value === null || value === undefined) continue;
      if (key.children.size > 0 && isObject(value) && key.kind !== 'rules') setSection(key, value);
      else if (key.kind === 'section') report(key.path, 'must be a section with keys of its own');
      else setValue(key, key.kind === 'rules' ? rulesOf(key, value) : coerce(key, value));
    }
  }

  function setValue(key: Key, value: unknown): void {
    if (value !== undefined) settings.set(key.path, value, source);
  }

  /** One rule need not stand in a list: a block of HCL that stands there once is none. */
  function rulesOf(key: Key, value: unknown): unknown {
    const rules: unknown[] = Array.isArray(value) ? value : [value];
    return rules.map((rule, number) => {
      if (!isObject(rule)) return rule;
      const known = members(key, `${key.path}[${number}]`, rule).map(([member, value]) => [
        nameOf(member),
        value,
      ]);
      return Object.fromEntries(known) as unknown;
    });
  }

  /** The members that are known keys; the others are reported. */
  function members(key: Key, path: string, content: Readonly<Record<string, unknown>>): [Key, unknown][] {
    const known = new Map<Key, unknown>();
    for (const [name, value] of Object.entries(content)) {
      const member = key.children.get(name.toLowerCase());
      const memberPath = path === '' ? printable(name) : `${path}.${printable(name)}`;
      if (!member) report(memberPath, whyUnknown(memberPath));
      else if (known.has(member)) report(memberPath, 'stands there twice, in upper and lower case; keep one');
      else known.set(member, value);
    }
    return [...known];
  }
}

function whyUnknown(path: string): string {
  const replacement = REPLACED_KEYS.get(path.toLowerCase());
  if (replacement !== undefined) return `is no longer read; write ${replacement} instead`;
  const keys = allKeys().map(({ path }) => path);
  const nearest = nearestKey(path.replace(/\[\d+\]/g, ''), keys);
  return `is not a key of vsync; ${nearest === undefined ? 'remove it' : `did you mean ${nearest}?`}`;
}

/** A forgotten space or quote can make a secret part of a key: what is no plain name is not shown. */
function printable(name: string): string {
  const plain = /^\w{0,30}/.exec(name)?.[0] ?? '';
  return plain === name ? name : `${plain}…`;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
