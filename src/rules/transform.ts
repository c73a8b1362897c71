import { RE2JS, RE2JSSyntaxException } from 're2js';
import { cleanPath, splitDataPath } from './paths';

/** One of `destination.transforms`. */
export interface TransformRule {
  readonly name: string;
  /** Go (RE2) regular expression with named groups. */
  readonly from: string;
  /** A part that is the name of a group is replaced by the text that the group matched; then {@link cleanPath}. */
  readonly to: string;
}

export interface Transformer {
  /** The target of a data path of the origin, and the name of the transform that matched, or {@link IDENTITY}. */
  transform(path: string): { readonly path: string; readonly by: string };
}

/** The last transform of every list: a path that no transform matches stays as it is. */
export const IDENTITY = 'identity';

/** The regular expression of a transform cannot be used. */
export class TransformError extends Error {
  override readonly name = 'TransformError';

  /** @param position place in the list, counted from 0 */
  constructor(
    readonly transform: string,
    readonly position: number,
    readonly problem: string,
  ) {
    super(`transform ${JSON.stringify(transform)} (number ${position + 1}): ${problem}`);
  }
}

/**
 * Compiles the transforms. The first one that matches wins; identity is always last (rules of vsync 0.3.0).
 *
 * @throws TransformError for the first transform whose regular expression cannot be compiled
 */
export function compileTransforms(rules: readonly TransformRule[]): Transformer {
  const compiled = rules.map((rule, position) => ({ by: rule.name, apply: compileRule(rule, position) }));
  return {
    transform(path) {
      for (const { by, apply } of compiled) {
        const transformed = apply(path);
        if (transformed !== undefined) return { path: transformed, by };
      }
      return { path, by: IDENTITY };
    },
  };
}

/** Whether a transform can match any path: as in the original, it never does without a named group. Throws TransformError. */
export function canMatch({ from, name }: TransformRule): boolean {
  return compileRegex(from, name, 0).groups.length > 0;
}

/** The named groups whose text is not in the new path: no part of `to` is their name. Throws TransformError. */
export function droppedGroups({ from, to, name }: TransformRule): string[] {
  const parts = new Set(to.split('/'));
  return compileRegex(from, name, 0)
    .groups.map((group) => group.name)
    .filter((group) => !parts.has(group));
}

/** The mount that every path made by a transform is in; undefined if a group decides it. Throws TransformError. */
export function mountOfTarget({ from, to, name }: TransformRule): string | undefined {
  const mount = splitDataPath(cleanPath(to))?.mount;
  const groups = new Set(compileRegex(from, name, 0).groups.map((group) => group.name));
  const isDecidedByGroup = groups.has('data') || mount?.split('/').some((part) => groups.has(part)) === true;
  return isDecidedByGroup ? undefined : mount;
}

/** @returns the new path of a path, or undefined if the transform does not match it */
function compileRule(
  { name, from, to }: TransformRule,
  position: number,
): (path: string) => string | undefined {
  const { regex, groups } = compileRegex(from, name, position);
  const segments = to.split('/');
  return (path) => {
    const matcher = regex.matcher(path);
    // As in the original, a regular expression without a named group never matches.
    if (groups.length === 0 || !matcher.find()) return undefined;
    // As in the original, of two groups with the same name the later one counts.
    const matched = new Map(groups.map(({ name, number }) => [name, matcher.group(number) ?? '']));
    if ([...matched.values()].includes('')) return undefined;
    return cleanPath(segments.map((segment) => matched.get(segment) ?? segment).join('/'));
  };
}

interface Regex {
  readonly regex: RE2JS;
  /** The named groups, in the order of their opening parentheses. */
  readonly groups: readonly { readonly name: string; readonly number: number }[];
}

function compileRegex(from: string, name: string, position: number): Regex {
  try {
    try {
      return withGroups(RE2JS.compile(from));
    } catch (error) {
      const said = error instanceof RE2JSSyntaxException ? error.getDescription() : '';
      if (!said.includes('duplicate capture group name')) throw error;
      // Go accepts two groups of one name. re2js refuses them, and names that every object has, like "constructor".
      const { source, names } = renameGroups(from);
      return withGroups(RE2JS.compile(source), names);
    }
  } catch (error) {
    if (error instanceof RE2JSSyntaxException)
      throw new TransformError(name, position, `"from" ${error.message}`);
    throw error;
  }
}

function withGroups(regex: RE2JS, names: ReadonlyMap<string, string> = new Map()): Regex {
  const groups = Object.entries(regex.namedGroups())
    .map(([name, number]) => ({ name: names.get(name) ?? name, number }))
    .sort((a, b) => a.number - b.number);
  return { regex, groups };
}

/**
 * The parts of RE2 syntax in which "(?P<" does not begin a group: quoted text, an escaped character, a character class. The
 * last alternative is the group itself.
 */
const TOKEN = /\\Q[^]*?(?:\\E|$)|\\[^]|\[\^?\]?(?:\[:\^?\w+:\]|\\[^]|[^\]\\])*\]|\(\?P?<(\w+)>/g;

/** Gives each named group a unique name ("group1", …). Returns also each group's own name by its unique name. */
export function renameGroups(source: string): { source: string; names: ReadonlyMap<string, string> } {
  const names = new Map<string, string>();
  const renamed = source.replace(TOKEN, (token, name: string | undefined) => {
    if (name === undefined) return token;
    const unique = `group${names.size + 1}`;
    names.set(unique, name);
    return `(?P<${unique}>`;
  });
  return { source: renamed, names };
}
