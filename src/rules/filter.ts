import picomatch from 'picomatch';

/** `include` and `exclude` as configured: globs on the origin's paths as `vault kv` names them, `secret/team/app`. */
export interface FilterRules {
  /** Empty: everything is included. */
  readonly include: readonly string[];
  /** Beats `include`. */
  readonly exclude: readonly string[];
}

/** Compiled `include` and `exclude` of one role. */
export interface PathFilter {
  /** False if there are no rules: then every path is allowed. */
  readonly restricts: boolean;
  /** @param path "secret/team/app" */
  allows(path: string): boolean;
  /** Whether a folder ("secret/team/") may contain an allowed secret. If not, it need not be listed. */
  mayHold(folder: string): boolean;
  /**
   * The folders of a mount that together contain all of its allowed secrets, with their mount ("secret/team/"). None is
   * inside of another. A token for these folders is enough, because nothing above them has to be listed.
   */
  startsOf(mount: string): string[];
}

/**
 * `*` matches anything in one part of the path, `**` any number of parts, and `?`, `[…]` and `{a,b}` are as in a shell. A
 * leading "!" or ".", a bracket or a "+" have no meaning of their own.
 */
const OPTIONS: picomatch.PicomatchOptions = {
  dot: true,
  nonegate: true,
  noextglob: true,
  // "team/**" is everything below team/, and not a secret called team.
  strictSlashes: true,
  // A path may contain a line break, and characters beyond U+FFFF.
  flags: 'su',
};

/** Compiles the globs. A glob that ends in "/" matches everything below. */
export function compileFilter({ include, exclude }: FilterRules): PathFilter {
  const included = include.map(compileGlob);
  const excluded = exclude.map(compileGlob);
  const mayHold = (folder: string): boolean =>
    (included.length === 0 ||
      included.some(({ base }) => base.startsWith(folder) || folder.startsWith(base))) &&
    !excluded.some(({ whole }) => whole?.(folder.slice(0, -1)) === true);
  return {
    restricts: included.length + excluded.length > 0,
    allows: (path) =>
      (included.length === 0 || included.some(({ matches }) => matches(path))) &&
      !excluded.some(({ matches }) => matches(path)),
    mayHold,
    startsOf: (mount) => {
      const bases = included.length === 0 ? [mount] : included.map(({ base }) => base);
      const within = bases.flatMap((base) => {
        if (mount.startsWith(base)) return [mount];
        return base.startsWith(mount) ? [base] : [];
      });
      return [...new Set(within)].filter(
        (folder) => mayHold(folder) && !within.some((other) => other !== folder && folder.startsWith(other)),
      );
    },
  };
}

interface Glob {
  readonly matches: (path: string) => boolean;
  /** The folder that contains every match, ending in "/" unless it is the top. */
  readonly base: string;
  /** For a glob that matches everything below some folders: whether a folder (without its last "/") is one of them. */
  readonly whole: ((folder: string) => boolean) | undefined;
}

/** Characters with a meaning for picomatch or its regular expressions, and none in our globs. */
const WITHOUT_MEANING = /\\[^]|[()+|$]/g;

function compileGlob(glob: string): Glob {
  const escaped = glob.replace(WITHOUT_MEANING, (match) => (match.length > 1 ? match : `\\${match}`));
  const full = escaped.endsWith('/') ? `${escaped}**` : escaped;
  const below = full === '**' ? undefined : /^(.*[^*/])\/\*\*$/s.exec(full)?.[1];
  return {
    matches: picomatch(full, OPTIONS),
    base: literalFolder(full),
    whole: below === undefined ? undefined : picomatch(below, OPTIONS),
  };
}

/** The part of a glob before the first character with a meaning, up to the last "/" in it: "secret/team/". */
export function literalFolder(glob: string): string {
  const literal = literalStart(glob);
  return literal.slice(0, literal.lastIndexOf('/') + 1);
}

/** Whether a glob matches exactly one path. */
export function isLiteral(glob: string): boolean {
  return !glob.endsWith('/') && literalStart(glob) === glob;
}

function literalStart(glob: string): string {
  return /^[^*?[\]{}\\]*/.exec(glob)?.[0] ?? '';
}
