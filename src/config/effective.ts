import { formatDuration } from '../rules/duration';
import { allKeys, type Key } from './keys';
import type { Config } from './schema';
import type { Settings } from './settings';

/** A key that applies to a role: what it is, and where that came from. A secret's value is no part of it. */
export type EffectiveKey = {
  /** Dotted path. */
  readonly path: string;
  /** "file x.json", "environment VSYNC_NAME", "flag --name", "default". */
  readonly source: string;
} & (
  | { readonly secret: true; readonly set: boolean }
  /** As it could stand in a file, in its normal form; undefined if there is neither a value nor a default. */
  | { readonly secret: false; readonly value: unknown }
);

export const FROM_DEFAULT = 'default';

/**
 * Every key that applies to the role of a configuration, in the order of the schema.
 *
 * @param config as loaded from `settings`
 */
export function effectiveKeys(config: Config, settings: Settings): EffectiveKey[] {
  const keys = allKeys();
  const rules = keys.filter(({ kind }) => kind === 'rules');
  return keys
    .filter(({ kind }) => kind !== 'section')
    .filter(({ path }) => !rules.some((rule) => path.startsWith(`${rule.path}.`)))
    .filter(({ path }) => config.role === 'destination' || !path.startsWith('destination.'))
    .map((key) => effectiveKey(key, config, settings));
}

function effectiveKey(key: Key, config: Config, settings: Settings): EffectiveKey {
  const { path } = key;
  const given = settings.valueOf(path);
  const source = settings.sourceOf(path) ?? FROM_DEFAULT;
  if (key.secret) return { path, source, secret: true, set: given !== undefined && given !== '' };
  // Its default is another one for each role.
  if (path === 'name') return { path, source, secret: false, value: config.name };
  // The configuration was loaded, so each of its values passes.
  const normal = key.schema.parse(given);
  const value = key.kind === 'duration' && typeof normal === 'number' ? formatDuration(normal) : normal;
  return { path, source, secret: false, value };
}
