import { coerce, misreadings, type Coercion } from './coerce';
import type { Reports } from './errors';
import type { GivenValues } from './given-values';
import { allKeys, nameOf, nearestKey, printableKey, REPLACED_KEYS, rootKey, type Key } from './keys';
import type { PlainValues, Written } from './syntax';

/** The value that a file gives for a key. */
interface Found {
  readonly value: unknown;
  /** How the value is written, if it is plain. */
  readonly plain: Written | undefined;
  /** The key as written; parts that could be secret are cut off. */
  readonly written: string;
  /** How many parts of the key each name in the file has: [3] for "origin.vault.address", [1, 1, 1] if nested. */
  readonly parts: readonly number[];
}

/**
 * Sets the values that a file gives. As in the original, keys may be written in upper and lower case, and with dots in
 * place of sections: "origin.vault.address" is the same as nested sections, and wins over them. Unknown and replaced keys
 * are reported.
 *
 * @param content top level of the file
 * @param source "file x.json"
 * @param plain how the plain values of the file are written
 */
export function setFromFile(
  content: Readonly<Record<string, unknown>>,
  source: string,
  values: GivenValues,
  { problems, warnings }: Reports,
  { plain, ...coercion }: Coercion & { readonly plain?: PlainValues } = {},
): void {
  const report = (key: string, message: string): void => {
    problems.push({ key, source, message });
  };
  const found = new Map<Key, Found>();
  read(rootKey, content, []);
  for (const [key, { value, plain, written }] of found) {
    if (key.kind === 'section') report(written, 'must be a section with keys of its own');
    else setValue(key, key.kind === 'rules' ? rulesOf(key, value) : coerced(key, key.path, value, plain));
  }

  function read(section: Key, content: Readonly<Record<string, unknown>>, parts: readonly number[]): void {
    const known: [Key, Found][] = [];
    for (const [name, value] of Object.entries(content)) {
      // Editors find our JSON Schema by this key.
      if (section === rootKey && name === '$schema') continue;
      const { key, written } = keyNamed(section, section.path, name);
      const now = { value, written, plain: plain?.get(content)?.get(name) };
      if (key !== undefined) known.push([key, { ...now, parts: [...parts, name.split('.').length] }]);
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
  function take(key: Key, now: Found): void {
    const before = found.get(key);
    const place = before?.parts.findIndex((part, position) => part !== now.parts[position]) ?? -1;
    if (before !== undefined && place < 0) {
      report(now.written, 'is written twice, in upper and lower case; keep one');
    } else if (before === undefined || (before.parts[place] ?? 0) < (now.parts[place] ?? 0)) {
      found.set(key, now);
    }
    if (before !== undefined && place >= 0)
      warnings.push(`${key.path} (${source}) is written twice; the one with more dots is used`);
  }

  function coerced(key: Key, path: string, value: unknown, written: Written | undefined): unknown {
    warnings.push(...misreadings({ ...key, path }, source, value, written, plain));
    return coerce(key, value, coercion);
  }

  function setValue(key: Key, value: unknown): void {
    if (value !== undefined) values.set(key.path, value, source);
  }

  /** A single rule need not be in a list: a block of HCL that is written once is not a list. */
  function rulesOf(key: Key, value: unknown): unknown {
    const rules: unknown[] = Array.isArray(value) ? value : [value];
    return rules.map((rule, number) => {
      if (!isObject(rule)) return rule;
      const members = new Map<string, unknown>();
      for (const [name, value] of Object.entries(rule)) {
        const { key: member, written } = keyNamed(key, `${key.path}[${number}]`, name);
        if (!member) report(written, whyUnknown(written));
        else if (members.has(nameOf(member)))
          report(written, 'is written twice, in upper and lower case; keep one');
        else if (!isEmpty(value))
          members.set(nameOf(member), coerced(member, written, value, plain?.get(rule)?.get(name)));
      }
      return Object.fromEntries(members);
    });
  }
}

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
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
