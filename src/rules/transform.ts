import { RE2JS, RE2JSSyntaxException } from 're2js';
import { cleanPath } from './paths';

/** One transform as configured under `destination.transforms`. */
export interface TransformRule {
  readonly name: string;
  /** Go (RE2) regular expression with named groups. */
  readonly from: string;
  /**
   * Segments separated by "/". A segment that is the name of a group is replaced by the text that the group matched. The
   * resulting path is cleaned ({@link cleanPath}).
   */
  readonly to: string;
}

export interface Transformed {
  readonly path: string;
  /** Name of the transform that matched, or {@link IDENTITY}. */
  readonly by: string;
}

export interface Transformer {
  /** The target of a data path of the origin. */
  transform(path: string): Transformed;
}

/** The last transform of every list: a path that no transform matches stays as it is. */
export const IDENTITY = 'identity';

/** The regular expression of a transform cannot be used. */
export class TransformError extends Error {
  override readonly name = 'TransformError';

  /**
   * @param transform name of the transform as configured
   * @param position its place in the list, counted from 0
   * @param problem the message of the regular expression parser
   */
  constructor(
    readonly transform: string,
    readonly position: number,
    readonly problem: string,
  ) {
    super(`transform ${JSON.stringify(transform)} (number ${position + 1}): ${problem}`);
  }
}

/**
 * Compiles the transforms. The first one that matches wins; identity is always last (rules of vsync 0.3.0, tested against
 * vectors that its transformer made).
 *
 * @throws TransformError for the first transform whose regular expression cannot be compiled
 */
export function compileTransforms(rules: readonly TransformRule[]): Transformer {
  const compiled = rules.map((rule, position) => compileRule(rule, position));
  return {
    transform(path) {
      for (const { name, apply } of compiled) {
        const transformed = apply(path);
        if (transformed !== undefined) return { path: transformed, by: name };
      }
      return { path, by: IDENTITY };
    },
  };
}

/**
 * Whether a transform can match any path. As in the original, it never does without a named group.
 *
 * @throws TransformError as compileTransforms does
 */
export function canMatch({ from, name }: TransformRule): boolean {
  return compileRegex(from, name, 0).groups.length > 0;
}

interface CompiledRule {
  readonly name: string;
  /** The new path, or undefined if the transform does not match. */
  readonly apply: (path: string) => string | undefined;
}

function compileRule({ name, from, to }: TransformRule, position: number): CompiledRule {
  const { regex, groups } = compileRegex(from, name, position);
  const segments = to.split('/');
  return {
    name,
    apply(path) {
      const matcher = regex.matcher(path);
      // As in the original, a regular expression without a named group never matches.
      if (groups.length === 0 || !matcher.find()) return undefined;
      // As in the original, of two groups with the same name the later one counts.
      const matched = new Map(groups.map(({ name, number }) => [name, matcher.group(number) ?? '']));
      if ([...matched.values()].includes('')) return undefined;
      return cleanPath(segments.map((segment) => matched.get(segment) ?? segment).join('/'));
    },
  };
}

interface Group {
  readonly name: string;
  /** Number of the capturing group, counted from 1 in the order of the opening parentheses. */
  readonly number: number;
}

function compileRegex(from: string, name: string, position: number): { regex: RE2JS; groups: Group[] } {
  try {
    try {
      const regex = RE2JS.compile(from);
      return { regex, groups: groupsOf(regex, (groupName) => groupName) };
    } catch (error) {
      if (!isDuplicateName(error)) throw error;
      // Go accepts two groups of one name. re2js refuses them, and names that every object has, like "constructor".
      const { source, names } = renameGroups(from);
      const regex = RE2JS.compile(source);
      return { regex, groups: groupsOf(regex, (unique) => names.get(unique) ?? unique) };
    }
  } catch (error) {
    if (error instanceof RE2JSSyntaxException)
      throw new TransformError(name, position, `"from" ${error.message}`);
    throw error;
  }
}

function isDuplicateName(error: unknown): boolean {
  return (
    error instanceof RE2JSSyntaxException && error.getDescription().includes('duplicate capture group name')
  );
}

function groupsOf(regex: RE2JS, nameOf: (name: string) => string): Group[] {
  return Object.entries(regex.namedGroups())
    .map(([name, number]) => ({ name: nameOf(name), number }))
    .sort((a, b) => a.number - b.number);
}

/** A regular expression whose named groups have unique names. */
export interface RenamedGroups {
  readonly source: string;
  /** The name in the original expression, by unique name. */
  readonly names: ReadonlyMap<string, string>;
}

/**
 * The parts of RE2 syntax in which "(?P<" does not begin a group: quoted text, an escaped character, a character class. The
 * last alternative is the group itself.
 */
const TOKEN = /\\Q[^]*?(?:\\E|$)|\\[^]|\[\^?\]?(?:\[:\^?\w+:\]|\\[^]|[^\]\\])*\]|\(\?P?<(\w+)>/g;

/**
 * Gives each named group of an RE2 regular expression a unique name ("group1", "group2", …), because re2js refuses a
 * repeated name. Nothing else changes.
 */
export function renameGroups(source: string): RenamedGroups {
  const names = new Map<string, string>();
  const renamed = source.replace(TOKEN, (token, name: string | undefined) => {
    if (name === undefined) return token;
    const unique = `group${names.size + 1}`;
    names.set(unique, name);
    return `(?P<${unique}>`;
  });
  return { source: renamed, names };
}
