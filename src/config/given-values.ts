import { formatDuration } from '../rules/time';
import type { ConfigProblem } from './errors';
import { type Key, nameOf, valueKeys } from './keys';
import type { Config } from './schema';
import { goInteger, goText, Unquoted, withoutMark } from './syntax';

interface GivenValue {
  /** In the form that a file has. */
  readonly value: unknown;
  /** "file x.json", "environment VSYNC_NAME", "flag --name". */
  readonly source: string;
  /** Path and source, for messages. */
  readonly shown: string;
}

/** The values that the file, the environment and flags give, by dotted path. Set in this order: the last one counts. */
export class GivenValues {
  readonly problems: ConfigProblem[] = [];
  /** For the user; they contain no secrets. */
  readonly warnings: string[] = [];
  private readonly byPath = new Map<string, GivenValue>();

  /** @param value if undefined, nothing was given */
  set(path: string, value: unknown, source: string): void {
    if (value === undefined) return;
    // `temporal.tls` is either true or a section: the one that was set last replaces the other.
    for (const other of this.byPath.keys()) {
      if (other.startsWith(`${path}.`) || path.startsWith(`${other}.`)) this.byPath.delete(other);
    }
    this.byPath.set(path, { value, source, shown: `${path} (${source})` });
  }

  /** Forgets what was given for the key and for the keys below it. */
  unset(path: string): void {
    for (const other of this.byPath.keys()) {
      if (other === path || other.startsWith(`${path}.`)) this.byPath.delete(other);
    }
  }

  get(path: string): GivenValue | undefined {
    return this.byPath.get(path);
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

/** A key that applies to a role, by its dotted path. The value of a secret is left out. */
export type EffectiveKey = {
  readonly path: string;
  /** As for given values, or {@link FROM_DEFAULT}. */
  readonly source: string;
} & (
  | { readonly secret: true; readonly set: boolean }
  /** In its normal form, as a file could have it; undefined if there is neither a value nor a default. */
  | { readonly secret: false; readonly value: unknown }
);

export const FROM_DEFAULT = 'default';

/** Every key that applies to the role of a configuration, which was loaded from the values, in the order of the schema. */
export function effectiveKeys(config: Config, values: GivenValues): EffectiveKey[] {
  return valueKeys()
    .filter(({ path }) => config.role === 'destination' || !path.startsWith('destination.'))
    .map(({ path, secret, kind, schema }): EffectiveKey => {
      const given = values.get(path);
      const source = given?.source ?? FROM_DEFAULT;
      if (secret) return { path, source, secret, set: given !== undefined };
      // Its default differs by role.
      if (path === 'name') return { path, source, secret, value: config.name };
      // The configuration was loaded, so each of its values passes.
      const normal = schema.parse(given?.value);
      const value = kind === 'duration' && typeof normal === 'number' ? formatDuration(normal) : normal;
      return { path, source, secret, value };
    });
}

export interface Reading {
  readonly source: string;
  /** Receives which values are read as something else than what is written. Contains no secret. */
  readonly warnings: string[];
  /** Whole numbers are booleans too, as those of YAML and HCL are to the original. */
  readonly numbersAsFlags?: boolean;
}

type NamedKey = Pick<Key, 'path' | 'secret'>;

/**
 * Turns a value into the kind that the key takes, as the original does (spf13/cast 1.3): "5" and "017" into a number
 * (see {@link goInteger}), "true" into a boolean, "a/ b/" into a list (here also "a/, b/"), a number or a boolean into
 * text. Every other value stays as it is, and the schema refuses it. Empty text counts as not given.
 *
 * It warns of values that are read as something else than what is written: the original reads `name: 2024_01` as 202401 and
 * `numBuckets: 016` as 14, and so does vsync. Few people expect that.
 */
export function readValue(key: NamedKey & Pick<Key, 'kind'>, given: unknown, reading: Reading): unknown {
  const value = withoutMark(given);
  if (value === '') return undefined;
  switch (key.kind) {
    case 'number':
      return readNumber(key, value, given, reading);
    case 'boolean':
      if (typeof value === 'string') return booleanOf(value);
      return reading.numbersAsFlags === true && Number.isInteger(value) ? value !== 0 : value;
    case 'list':
      if (typeof value === 'string') return value.split(/[\s,]+/).filter((entry) => entry !== '');
      if (Array.isArray(value)) return value.map((entry, at) => readText(key, entry, reading, `[${at}]`));
      return typeof value === 'object' ? value : [readText(key, given, reading)];
    case 'text':
      return readText(key, given, reading);
    case 'duration':
    case 'rules':
    case 'section':
      return value;
  }
}

/** A number or a boolean where text is meant: a datacenter `1`, a role id of digits. */
function readText({ path, secret }: NamedKey, given: unknown, reading: Reading, entry = ''): unknown {
  const value = withoutMark(given);
  if (!isFiniteScalar(value)) return value;
  const text = goText(value);
  if (given instanceof Unquoted && text !== given.text) {
    const kind = typeof value === 'boolean' ? 'a boolean' : 'a number';
    const read = secret ? 'other text than what is written' : `the text "${text}"`;
    reading.warnings.push(
      `${path}${entry} (${reading.source}, line ${given.line()}) is read as ${kind}, and so as ${read}; put it in ` +
        'quotes to keep what is written',
    );
  }
  return text;
}

function isFiniteScalar(value: unknown): value is number | bigint | boolean {
  return typeof value === 'boolean' || typeof value === 'bigint' || Number.isFinite(value);
}

/** Warns of a number that is not decimal: octal, hexadecimal, binary, or with "_". */
function readNumber({ path }: NamedKey, value: unknown, given: unknown, reading: Reading): unknown {
  const number = typeof value === 'bigint' ? Number(value) : numberOf(value);
  const written = given instanceof Unquoted ? given.text : value;
  if (typeof written !== 'string' || typeof number !== 'number') return number;
  if (/^[-+]?0[xob]|_/i.test(written) || Number(written) !== number) {
    const line = given instanceof Unquoted ? `, line ${given.line()}` : '';
    reading.warnings.push(
      `${path} (${reading.source}${line}) is read as ${number}; write it as a decimal number, without "_" or "0" in front`,
    );
  }
  return number;
}

function numberOf(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  const integer = goInteger(value);
  if (integer !== undefined) return Number(integer);
  return /^-?\d+\.\d+$/.test(value) ? Number(value) : value;
}

/** The words that Go's strconv.ParseBool takes. */
function booleanOf(text: string): unknown {
  if (/^(1|t|T|true|True|TRUE)$/.test(text)) return true;
  return /^(0|f|F|false|False|FALSE)$/.test(text) ? false : text;
}
