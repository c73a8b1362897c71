import { canMatch } from '../rules/transform';
import { allKeys } from './keys';
import { distinctMounts } from './mounts';
import type { Role } from '../contract/ids';
import type { Settings } from './settings';

/*
 * Values that the original vsync takes without a word, and that our schema would refuse. They go on working, and a
 * warning says what they mean. No warning holds a value that could be a secret.
 */

/**
 * Replaces such values by what they mean to the original.
 *
 * @returns the warnings
 */
export function readAsOriginal(role: Role, settings: Settings): string[] {
  return [
    ...oneOf(settings, 'log.level', ['debug', 'info', 'warn', 'error'], 'info'),
    ...oneOf(settings, 'log.type', ['console', 'json'], 'console'),
    ...(role === 'destination' ? unreadInDestination(settings) : []),
    ...sidesOf(role).flatMap((side) => mountsOnce(settings, `${side}.mounts`)),
    ...(role === 'destination' ? idleTransforms(settings) : []),
  ];
}

function sidesOf(role: Role): Role[] {
  return role === 'origin' ? ['origin'] : ['origin', 'destination'];
}

/** To the original, any other word means the default. */
function oneOf(settings: Settings, path: string, words: readonly string[], meaning: string): string[] {
  const value = settings.valueOf(path);
  const source = settings.sourceOf(path);
  if (source === undefined || (typeof value === 'string' && words.includes(value))) return [];
  settings.set(path, meaning, source);
  const known = `${words.slice(0, -1).join(', ')} or ${words.at(-1) ?? ''}`;
  return [`${path} (${source}) is not ${known}; it counts as ${meaning}, as in the original vsync`];
}

/** The original reads them in the file of an origin only, so those of a destination's may hold anything. */
function unreadInDestination(settings: Settings): string[] {
  return ['origin.tick', 'origin.timeout', 'origin.numWorkers'].flatMap((path) => {
    const source = settings.sourceOf(path);
    const key = allKeys().find((key) => key.path === path);
    const result = key?.schema.safeParse(settings.valueOf(path));
    if (source === undefined || result === undefined || result.success) return [];
    settings.unset(path);
    const what = result.error.issues[0]?.message ?? 'is wrong';
    return [`${path} (${source}) ${what}; it is ignored, because a destination does not need it`];
  });
}

function mountsOnce(settings: Settings, path: string): string[] {
  const mounts = settings.valueOf(path);
  const source = settings.sourceOf(path);
  if (!Array.isArray(mounts) || source === undefined) return [];
  const distinct = distinctMounts(mounts);
  if (distinct.length === mounts.length) return [];
  settings.set(path, distinct, source);
  return [`${path} (${source}) names a mount twice; it counts once`];
}

/** They never match in the original either, which nobody may have noticed. */
function idleTransforms(settings: Settings): string[] {
  const path = 'destination.transforms';
  const rules = settings.valueOf(path);
  const source = settings.sourceOf(path);
  if (!Array.isArray(rules) || source === undefined) return [];
  return rules.flatMap((rule: unknown, position) =>
    isIdle(rule)
      ? [`${path}[${position}] (${source}) matches no path, because its "from" has no named group`]
      : [],
  );
}

function isIdle(rule: unknown): boolean {
  if (typeof rule !== 'object' || rule === null) return false;
  const { from = '' } = rule as { readonly from?: unknown };
  if (typeof from !== 'string') return false;
  try {
    return !canMatch({ name: '', from, to: '' });
  } catch {
    // Not a regular expression: the schema says so.
    return false;
  }
}
