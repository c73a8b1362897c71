import { readFileSync } from 'node:fs';
import path from 'node:path';
import { ConfigError } from './errors';
import { parseHcl } from './hcl';
import { printableKeys } from './keys';
import { parseJson, type ParseOptions, SyntaxProblem, Unquoted } from './syntax';
import { parseYaml, parseYaml11 } from './yaml';

const PARSERS: Readonly<Record<string, (text: string, options: ParseOptions) => unknown>> = {
  '.json': parseJson,
  '.yaml': parseYaml11,
  '.yml': parseYaml11,
  '.hcl': parseHcl,
};

export function isJson(file: string): boolean {
  return extensionOf(file) === '.json';
}

function extensionOf(file: string): string {
  return path.extname(file).toLowerCase();
}

/**
 * Reads a configuration file; its extension selects the format. YAML is read as the original reads it.
 *
 * @param yaml12 for a file of another program, whose YAML is of version 1.2
 * @param warnings receives which keys are written twice or replaced; if given, the values may be {@link Unquoted}
 * @throws ConfigError that quotes nothing of the file
 */
export function readConfigFile(
  file: string,
  { yaml12 = false, warnings }: { readonly yaml12?: boolean; readonly warnings?: string[] } = {},
): Readonly<Record<string, unknown>> {
  const refuse = (message: string): never => {
    throw new ConfigError([{ source: `file ${file}`, message }]);
  };
  const extension = extensionOf(file);
  const parse =
    PARSERS[extension] ??
    refuse(`its name must end in one of ${Object.keys(PARSERS).join(', ')}, which selects its format`);
  const isYaml = parse === parseYaml11;
  const text = readText(file, isYaml, refuse);
  if (text.trim() === '') refuse('is empty');
  let content: unknown;
  try {
    const options = warnings === undefined ? {} : warningsInto(warnings, `file ${file}`);
    content = isYaml && yaml12 ? parseYaml(text) : parse(text, options);
  } catch (error) {
    if (!(error instanceof SyntaxProblem)) throw error;
    refuse(`${extension.slice(1)}, ${error.message}`);
  }
  if (content === null || content === undefined) refuse('is empty, or contains only comments');
  if (
    typeof content !== 'object' ||
    content === null ||
    Array.isArray(content) ||
    content instanceof Unquoted
  ) {
    return refuse('its top level must be an object with keys such as "name" and "origin"');
  }
  return content as Readonly<Record<string, unknown>>;
}

function warningsInto(warnings: string[], source: string): ParseOptions {
  // The content of an anchor is read once for each of its aliases.
  const warn = (line: number, what: string): void => {
    const warning = `${source}: line ${line}: ${what}`;
    if (!warnings.includes(warning)) warnings.push(warning);
  };
  return {
    marksUnquoted: true,
    repeated: (line) => {
      warn(line, 'a key is written twice; the later one counts');
    },
    replaced: (line, names) => {
      const keys = names.map(printableKeys).join(', ');
      warn(line, `"<<" replaces keys that are written before it: ${keys}; to keep them, write them after it`);
    },
  };
}

function readText(file: string, isYaml: boolean, refuse: (message: string) => never): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    return refuse(reasonOf((error as NodeJS.ErrnoException).code));
  }
  const encoding = MARKS.find(([, ...mark]) => mark.every((byte, position) => bytes[position] === byte))?.[0];
  // As in the original, only YAML may begin with the mark.
  if (encoding !== undefined && !isYaml)
    refuse('begins with a byte order mark; save it as UTF-8 without one');
  try {
    return new TextDecoder(encoding ?? 'utf-8', { fatal: true }).decode(bytes);
  } catch {
    return refuse('is not UTF-8');
  }
}

/** Byte order marks. */
const MARKS: readonly [encoding: string, ...mark: number[]][] = [
  ['utf-8', 0xef, 0xbb, 0xbf],
  ['utf-16le', 0xff, 0xfe],
  ['utf-16be', 0xfe, 0xff],
];

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EISDIR: 'is a directory, not a file',
  EACCES: 'is not readable for the user who runs vsync; change its owner or its permissions',
};

function reasonOf(code = 'no code'): string {
  return REASONS[code] ?? `cannot be read (${code})`;
}
