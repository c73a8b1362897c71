import { formatDuration } from '../rules/duration';
import { nameOf, valueKeys, type Key } from './keys';
import type { Config } from './schema';

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
