import { goInteger, goText } from './go-numbers';
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

  /** As if nothing had been given for the key, nor for what is below it. */
  unset(path: string): void {
    for (const other of this.byPath.keys()) {
      if (other === path || other.startsWith(`${path}.`)) this.byPath.delete(other);
    }
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

/** A format of files whose whole numbers are booleans too, as those of YAML and HCL are to the original. */
export interface Coercion {
  readonly numbersAsFlags?: boolean;
}

/**
 * Turns a value into what the key takes, as the original does: "5" and "017" into a number (see {@link goInteger}),
 * "true" into a boolean, "a/ b/" into a list (here also "a/, b/"), a number or a boolean into text. Anything else
 * stays as it is, for the schema to refuse. Empty text counts as not given.
 */
export function coerce(key: Key, value: unknown, { numbersAsFlags = false }: Coercion = {}): unknown {
  if (value === '') return undefined;
  switch (key.kind) {
    case 'number':
      if (typeof value === 'bigint') return Number(value);
      return typeof value === 'string' ? numberOf(value) : (value ?? undefined);
    case 'boolean':
      if (typeof value === 'string') return booleanOf(value);
      return numbersAsFlags && Number.isInteger(value) ? value !== 0 : (value ?? undefined);
    case 'list':
      if (typeof value === 'string') return value.split(/[\s,]+/).filter((entry) => entry !== '');
      return (Array.isArray(value) ? value : isScalar(value) ? [value] : undefined)?.map(textOf) ?? value;
    case 'text':
      return textOf(value) ?? undefined;
    case 'duration':
    case 'rules':
    case 'section':
      return value ?? undefined;
  }
}

function numberOf(text: string): unknown {
  const integer = goInteger(text);
  if (integer !== undefined) return Number(integer);
  return /^-?\d+\.\d+$/.test(text) ? Number(text) : text;
}

/** What Go's strconv.ParseBool takes. */
function booleanOf(text: string): unknown {
  if (/^(1|t|T|true|True|TRUE)$/.test(text)) return true;
  return /^(0|f|F|false|False|FALSE)$/.test(text) ? false : text;
}

/** A number or a boolean where text is meant: a datacenter `1`, a role id of digits. */
export function textOf(value: unknown): unknown {
  if (typeof value === 'boolean') return String(value);
  if (typeof value === 'bigint') return goText(value);
  return typeof value === 'number' && Number.isFinite(value) ? goText(value) : value;
}

function isScalar(value: unknown): boolean {
  return ['number', 'bigint', 'boolean'].includes(typeof value);
}
