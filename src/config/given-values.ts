import { formatDuration } from '../rules/time';
import { type Key, nameOf, valueKeys } from './keys';
import type { Config } from './schema';
import { goInteger, goText, type PlainValues, type Written } from './syntax';

interface GivenValue {
  readonly value: unknown;
  readonly source: string;
}

/**
 * The values that files, the environment and flags give, by dotted path, with the source of each. The last one counts:
 * the loader sets the weakest layer (file) first and the strongest (flags) last.
 */
export class GivenValues {
  private readonly byPath = new Map<string, GivenValue>();

  set(path: string, value: unknown, source: string): void {
    // `temporal.tls` is either true or a section: the one that was set last replaces the other.
    for (const other of this.byPath.keys()) {
      if (other.startsWith(`${path}.`) || path.startsWith(`${other}.`)) this.byPath.delete(other);
    }
    this.byPath.set(path, { value, source });
  }

  /** Forgets what was given for the key and for the keys below it. */
  unset(path: string): void {
    for (const other of this.byPath.keys()) {
      if (other === path || other.startsWith(`${path}.`)) this.byPath.delete(other);
    }
  }

  /** The source of a key's value: "file x.json", "environment VSYNC_NAME", "flag --name"; undefined if not given. */
  sourceOf(path: string): string | undefined {
    return this.byPath.get(path)?.source;
  }

  /** The value of a key, in the form that a file has; undefined if not given. */
  valueOf(path: string): unknown {
    return this.byPath.get(path)?.value;
  }

  /** Whether anything was given for the section. */
  has(section: string): boolean {
    return [...this.byPath.keys()].some((path) => path.startsWith(`${section}.`));
  }

  /** The values as one object, for the schema. It contains every section, even an empty one. */
  toObject(key: Key): unknown {
    const given = this.byPath.get(key.path);
    if (given || (key.kind !== 'section' && !this.has(key.path))) return given?.value;
    const members = [...key.children.values()].map((child) => [nameOf(child), this.toObject(child)] as const);
    return Object.fromEntries(members.filter(([, value]) => value !== undefined));
  }
}

/** A key that applies to a role, with its value and source. The value of a secret is left out. */
export type EffectiveKey = {
  /** Dotted path. */
  readonly path: string;
  /** "file x.json", "environment VSYNC_NAME", "flag --name", "default". */
  readonly source: string;
} & (
  | { readonly secret: true; readonly set: boolean }
  /** In its normal form, as a file could have it; undefined if there is neither a value nor a default. */
  | { readonly secret: false; readonly value: unknown }
);

export const FROM_DEFAULT = 'default';

/**
 * Every key that applies to the role of a configuration, in the order of the schema.
 *
 * @param config as loaded from `values`
 */
export function effectiveKeys(config: Config, values: GivenValues): EffectiveKey[] {
  return valueKeys()
    .filter(({ path }) => config.role === 'destination' || !path.startsWith('destination.'))
    .map((key) => effectiveKey(key, config, values));
}

function effectiveKey(key: Key, config: Config, values: GivenValues): EffectiveKey {
  const { path } = key;
  const given = values.valueOf(path);
  const source = values.sourceOf(path) ?? FROM_DEFAULT;
  if (key.secret) return { path, source, secret: true, set: given !== undefined && given !== '' };
  // Its default differs by role.
  if (path === 'name') return { path, source, secret: false, value: config.name };
  // The configuration was loaded, so each of its values passes.
  const normal = key.schema.parse(given);
  const value = key.kind === 'duration' && typeof normal === 'number' ? formatDuration(normal) : normal;
  return { path, source, secret: false, value };
}

/** A format of files whose whole numbers are booleans too, as those of YAML and HCL are to the original. */
export interface Coercion {
  readonly numbersAsFlags?: boolean;
}

/**
 * Turns a value into the kind that the key takes, as the original does (spf13/cast 1.3): "5" and "017" into a number
 * (see {@link goInteger}), "true" into a boolean, "a/ b/" into a list (here also "a/, b/"), a number or a boolean into
 * text. Every other value stays as it is, and the schema refuses it. Empty text counts as not given.
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

/** The words that Go's strconv.ParseBool takes. */
function booleanOf(text: string): unknown {
  if (/^(1|t|T|true|True|TRUE)$/.test(text)) return true;
  return /^(0|f|F|false|False|FALSE)$/.test(text) ? false : text;
}

/** A number or a boolean where text is meant: a datacenter `1`, a role id of digits. */
function textOf(value: unknown): unknown {
  if (typeof value === 'boolean') return String(value);
  if (typeof value === 'bigint') return goText(value);
  return typeof value === 'number' && Number.isFinite(value) ? goText(value) : value;
}

function isScalar(value: unknown): boolean {
  return ['number', 'bigint', 'boolean'].includes(typeof value);
}

/**
 * Warnings about values that are read as something else than what is written. They contain no secret. The original
 * reads `name: 2024_01` as 202401 and `numBuckets: 016` as 14, and so does vsync. Few people expect that.
 *
 * @param written how the value is written, if it is plain
 * @param plain how the entries of a list are written
 */
export function misreadings(
  key: Key,
  source: string,
  value: unknown,
  written?: Written,
  plain?: PlainValues,
): string[] {
  switch (key.kind) {
    case 'text':
      return textMisread(key, source, value, written);
    case 'list':
      if (!Array.isArray(value)) return textMisread(key, source, value, written);
      return value.flatMap((entry: unknown, position) =>
        textMisread(
          { path: `${key.path}[${position}]`, secret: key.secret },
          source,
          entry,
          plain?.get(value)?.get(String(position)),
        ),
      );
    case 'number':
      return numberMisread(key, source, value, written);
    case 'boolean':
    case 'duration':
    case 'rules':
    case 'section':
      return [];
  }
}

function textMisread(
  { path, secret }: Pick<Key, 'path' | 'secret'>,
  source: string,
  value: unknown,
  written: Written | undefined,
): string[] {
  const text = textOf(value);
  if (written === undefined || typeof text !== 'string' || text === written.text) return [];
  const kind = typeof value === 'boolean' ? 'a boolean' : 'a number';
  const read = secret ? 'other text than what is written' : `the text "${text}"`;
  return [
    `${path} (${source}, line ${written.line()}) is read as ${kind}, and so as ${read}; put it in quotes to keep ` +
      'what is written',
  ];
}

/** Reports a number that is not decimal: octal, hexadecimal, binary, or with "_". */
function numberMisread(key: Key, source: string, value: unknown, written: Written | undefined): string[] {
  const text = written?.text ?? value;
  const number = coerce(key, value);
  if (typeof text !== 'string' || typeof number !== 'number') return [];
  if (!/^[-+]?0[xob]|_/i.test(text) && Number(text) === number) return [];
  const where = written === undefined ? source : `${source}, line ${written.line()}`;
  return [
    `${key.path} (${where}) is read as ${number}; write it as a decimal number, without "_" or "0" in front`,
  ];
}
