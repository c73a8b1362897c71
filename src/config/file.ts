import { readFileSync } from 'node:fs';
import path from 'node:path';
import { ConfigError } from './errors';
import { parseHcl } from './hcl';
import { parseJson } from './json';
import { printableKeys } from './keys';
import { SyntaxProblem, type PlainValues, type Remarks } from './syntax';
import { parseYaml, parseYaml11 } from './yaml';

type Parsers = Readonly<Record<string, (text: string, remarks?: Remarks) => unknown>>;

const PARSERS: Parsers = {
  '.json': parseJson,
  '.yaml': parseYaml11,
  '.yml': parseYaml11,
  '.hcl': parseHcl,
};

/** For files of other programs. */
const PARSERS_WITH_YAML_12: Parsers = { ...PARSERS, '.yaml': parseYaml, '.yml': parseYaml };

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
 * @param warnings receives which keys are written twice or replaced
 * @param plain receives how plain values are written
 * @returns the top level, with keys as written
 * @throws ConfigError if there is no such file, or it cannot be read; the message quotes none of its content
 */
export function readConfigFile(
  file: string,
  {
    yaml12 = false,
    warnings = [],
    plain,
  }: { readonly yaml12?: boolean; readonly warnings?: string[]; readonly plain?: PlainValues } = {},
): Readonly<Record<string, unknown>> {
  const refuse = (message: string): never => {
    throw new ConfigError([{ source: `file ${file}`, message }]);
  };
  const extension = extensionOf(file);
  const parse =
    (yaml12 ? PARSERS_WITH_YAML_12 : PARSERS)[extension] ??
    refuse(`its name must end in one of ${Object.keys(PARSERS).join(', ')}, which selects its format`);
  const text = readText(file, ['.yaml', '.yml'].includes(extension), refuse);
  if (text.trim() === '') refuse('is empty');
  // The content of an anchor is read once for each of its aliases.
  const warn = (line: number, what: string): void => {
    const warning = `file ${file}: line ${line}: ${what}`;
    if (!warnings.includes(warning)) warnings.push(warning);
  };
  const remarks: Remarks = {
    repeated: (line) => {
      warn(line, 'a key is written twice; the later one counts');
    },
    replaced: (line, names) => {
      const shown = names.map(printableKeys).join(', ');
      warn(
        line,
        `"<<" replaces keys that are written before it: ${shown}; to keep them, write them after it`,
      );
    },
    plain: (holder, name, written) => {
      if (plain?.get(holder)?.set(name, written) === undefined)
        plain?.set(holder, new Map([[name, written]]));
    },
  };
  let content: unknown;
  try {
    content = parse(text, remarks);
  } catch (error) {
    if (!(error instanceof SyntaxProblem)) throw error;
    refuse(`${extension.slice(1)}, ${error.message}`);
  }
  if (content === null || content === undefined) refuse('is empty, or contains only comments');
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    return refuse('its top level must be an object with keys such as "name" and "origin"');
  }
  return content as Readonly<Record<string, unknown>>;
}

function readText(file: string, isYaml: boolean, refuse: (message: string) => never): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    return refuse(reasonOf((error as NodeJS.ErrnoException).code));
  }
  const encoding = encodingOf(bytes);
  // As in the original, only YAML may begin with the mark.
  if (encoding !== undefined && !isYaml)
    refuse('begins with a byte order mark; save it as UTF-8 without one');
  try {
    return new TextDecoder(encoding ?? 'utf-8', { fatal: true }).decode(bytes);
  } catch {
    return refuse('is not UTF-8');
  }
}

/** The encoding that the byte order mark declares; undefined without a mark. */
function encodingOf(bytes: Buffer): string | undefined {
  const startsWith = (...beginning: number[]): boolean =>
    beginning.every((byte, position) => bytes[position] === byte);
  if (startsWith(0xef, 0xbb, 0xbf)) return 'utf-8';
  if (startsWith(0xff, 0xfe)) return 'utf-16le';
  return startsWith(0xfe, 0xff) ? 'utf-16be' : undefined;
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EISDIR: 'is a directory, not a file',
  EACCES: 'is not readable for the user who runs vsync; change its owner or its permissions',
};

function reasonOf(code = 'no code'): string {
  return REASONS[code] ?? `cannot be read (${code})`;
}
