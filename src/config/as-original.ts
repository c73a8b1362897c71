import type { Role } from '../contract/ids';
import { canMatch } from '../rules/transform';
import type { GivenValues } from './given-values';
import { allKeys } from './keys';
import { distinctMounts } from './sides';

/**
 * Replaces values that the original vsync silently accepts and that our schema would refuse. They keep their meaning, and
 * a warning says which. No warning contains a value that could be secret.
 *
 * @returns the warnings
 */
export function readAsOriginal(role: Role, values: GivenValues): string[] {
  return [
    ...oneOf(values, 'log.level', ['debug', 'info', 'warn', 'error'], 'info'),
    ...oneOf(values, 'log.type', ['console', 'json'], 'console'),
    ...(role === 'destination' ? unreadInDestination(values) : []),
    ...sidesOf(role).flatMap((side) => mountsOnce(values, `${side}.mounts`)),
    ...(role === 'destination' ? idleTransforms(values) : []),
  ];
}

/** The sections that a role reads. */
export function sidesOf(role: Role): Role[] {
  return role === 'origin' ? ['origin'] : ['origin', 'destination'];
}

/** In the original, any other word means the default. */
function oneOf(values: GivenValues, path: string, words: readonly string[], meaning: string): string[] {
  const value = values.valueOf(path);
  const source = values.sourceOf(path);
  if (source === undefined || (typeof value === 'string' && words.includes(value))) return [];
  values.set(path, meaning, source);
  const known = `${words.slice(0, -1).join(', ')} or ${words.at(-1) ?? ''}`;
  return [`${path} (${source}) is not ${known}; it counts as ${meaning}, as in the original vsync`];
}

/** The original reads these keys in the file of an origin only: in the file of a destination they may be anything. */
function unreadInDestination(values: GivenValues): string[] {
  return ['origin.tick', 'origin.timeout', 'origin.numWorkers'].flatMap((path) => {
    const source = values.sourceOf(path);
    const key = allKeys().find((key) => key.path === path);
    const result = key?.schema.safeParse(values.valueOf(path));
    if (source === undefined || result === undefined || result.success) return [];
    values.unset(path);
    const what = result.error.issues[0]?.message ?? 'is wrong';
    return [`${path} (${source}) ${what}; it is ignored, because a destination does not need it`];
  });
}

function mountsOnce(values: GivenValues, path: string): string[] {
  const mounts = values.valueOf(path);
  const source = values.sourceOf(path);
  if (!Array.isArray(mounts) || source === undefined) return [];
  const distinct = distinctMounts(mounts);
  if (distinct.length === mounts.length) return [];
  values.set(path, distinct, source);
  return [`${path} (${source}) names a mount twice; it counts once`];
}

/** They never match in the original either, but it does not report that. */
function idleTransforms(values: GivenValues): string[] {
  const path = 'destination.transforms';
  const rules = values.valueOf(path);
  const source = values.sourceOf(path);
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
    // Not a regular expression: the schema reports it.
    return false;
  }
}
