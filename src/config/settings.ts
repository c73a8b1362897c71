import { nameOf, type Key } from './keys';

interface Setting {
  readonly value: unknown;
  readonly source: string;
}

/**
 * The values that were given, by dotted path, with where each came from. Set later wins: layers are set from
 * the weakest (file) to the strongest (flags).
 */
export class Settings {
  private readonly byPath = new Map<string, Setting>();

  set(path: string, value: unknown, source: string): void {
    // `temporal.tls` is either true or a section: the one that was set last replaces the other.
    for (const other of this.byPath.keys()) {
      if (other.startsWith(`${path}.`) || path.startsWith(`${other}.`)) this.byPath.delete(other);
    }
    this.byPath.set(path, { value, source });
  }

  /** Where the value of the key, or of the list that it is in, came from. */
  sourceOf(path: string): string | undefined {
    return this.byPath.get(path)?.source;
  }

  /** What was given for the key, as it would stand in a file; undefined if nothing was. */
  valueOf(path: string): unknown {
    return this.byPath.get(path)?.value;
  }

  /** Whether anything was given for the section. */
  has(section: string): boolean {
    return [...this.byPath.keys()].some((path) => path.startsWith(`${section}.`));
  }

  /** The values as one object, for the schema. Sections are there also if nothing was given for them. */
  toObject(key: Key): unknown {
    const setting = this.byPath.get(key.path);
    if (setting || (key.kind !== 'section' && !this.has(key.path))) return setting?.value;
    const members = [...key.children.values()].map((child) => [nameOf(child), this.toObject(child)] as const);
    return Object.fromEntries(members.filter(([, value]) => value !== undefined));
  }
}

/**
 * Turns text into what the key takes, as the original does in files too: "5" into a number, "true" into a
 * boolean, "a/, b/" or "a/ b/" into a list. Anything else stays as it is, for the schema to refuse. Empty text
 * counts as not given.
 */
export function coerce(key: Key, value: unknown): unknown {
  if (typeof value !== 'string') return value ?? undefined;
  if (value === '') return undefined;
  switch (key.kind) {
    case 'number':
      return /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : value;
    case 'boolean':
      // What Go's strconv.ParseBool takes.
      if (/^(1|t|T|true|True|TRUE)$/.test(value)) return true;
      return /^(0|f|F|false|False|FALSE)$/.test(value) ? false : value;
    case 'list':
      return value.split(/[\s,]+/).filter((entry) => entry !== '');
    case 'text':
    case 'duration':
    case 'rules':
    case 'section':
      return value;
  }
}
