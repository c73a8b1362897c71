import type { ConfigProblem } from './errors';
import { allKeys, nameOf, printableKey, REPLACED_KEYS, rootKey, type Key } from './keys';
import { misreadings, type PlainValues } from './misreadings';
import { nearestKey } from './nearest';
import { coerce, type Coercion, type Settings } from './settings';
import type { Written } from './syntax-problem';

/** Where what is found is reported. */
export interface Reports {
  readonly problems: ConfigProblem[];
  /** To be shown; hold no secrets. */
  readonly warnings: string[];
}

/** What a file gives for a key. */
interface Found {
  readonly value: unknown;
  /** How the value is written, if it is plain. */
  readonly plain: Written | undefined;
  /** The key as written, as far as it may be shown. */
  readonly written: string;
  /** How many parts of the key each name in the file held: [3] for "origin.vault.address", [1, 1, 1] if nested. */
  readonly parts: readonly number[];
}

/**
 * Sets what a file gives. As in the original, keys may be written in upper and lower case, and with dots in place of
 * sections: "origin.vault.address" is the same as sections one in the other, and wins over them. Unknown and replaced
 * keys are reported.
 *
 * @param content top level of the file
 * @param source "file x.json"
 * @param plain how the plain values of the file are written
 */
export function setFromFile(
  content: Readonly<Record<string, unknown>>,
  source: string,
  settings: Settings,
  { problems, warnings }: Reports,
  { plain, ...coercion }: Coercion & { readonly plain?: PlainValues } = {},
): void {
  const report = (key: string, message: string): void => {
    problems.push({ key, source, message });
  };
  const found = new Map<Key, Found>();
  look(rootKey, content, []);
  for (const [key, { value, plain, written }] of found) {
    if (key.kind === 'section') report(written, 'must be a section with keys of its own');
    else setValue(key, key.kind === 'rules' ? rulesOf(key, value) : read(key, key.path, value, plain));
  }

  function look(section: Key, content: Readonly<Record<string, unknown>>, parts: readonly number[]): void {
    const known: [Key, Found][] = [];
    for (const [name, value] of Object.entries(content)) {
      // Editors write it there, to find our JSON Schema.
      if (section === rootKey && name === '$schema') continue;
      const { key, written } = keyNamed(section, section.path, name);
      const now = { value, written, plain: plain?.get(content)?.get(name) };
      if (key !== undefined) known.push([key, { ...now, parts: [...parts, name.split('.').length] }]);
      // The original lets its old keys pass where they are empty.
      else if (!isEmpty(value) || !REPLACED_KEYS.has(written.toLowerCase()))
        report(written, whyUnknown(written));
    }
    for (const [key, now] of known) {
      if (isEmpty(now.value)) continue;
      if (key.children.size > 0 && isObject(now.value) && key.kind !== 'rules')
        look(key, now.value, now.parts);
      else take(key, now);
    }
  }

  /** Of two, the one with more dots in its first name counts, then in its second, and so on. */
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

  function read(key: Key, path: string, value: unknown, written: Written | undefined): unknown {
    warnings.push(...misreadings({ ...key, path }, source, value, written, plain));
    return coerce(key, value, coercion);
  }

  function setValue(key: Key, value: unknown): void {
    if (value !== undefined) settings.set(key.path, value, source);
  }

  /** One rule need not stand in a list: a block of HCL that stands there once is none. */
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
          members.set(nameOf(member), read(member, written, value, plain?.get(rule)?.get(name)));
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
      // A dot can also be one of a secret that a forgotten quote made part of a key.
      const isLast = position === parts.length - 1;
      return { key: undefined, written: isLast || shown.endsWith('…') ? written : `${written}…` };
    }
    key = child;
  }
  return { key, written };
}

/** As the original sees it: empty text is not given. */
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
