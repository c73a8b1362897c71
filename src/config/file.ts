import { readFileSync } from 'node:fs';
import path from 'node:path';
import { ConfigError } from './errors';
import { parseHcl } from './hcl';
import { parseJson } from './json';
import { SyntaxProblem } from './syntax-problem';
import { parseYaml } from './yaml';

const PARSERS: Readonly<Record<string, (text: string) => unknown>> = {
  '.json': parseJson,
  '.yaml': parseYaml,
  '.yml': parseYaml,
  '.hcl': parseHcl,
};

/**
 * Reads a configuration file; its extension tells the format.
 *
 * @returns the top level, keys as written
 * @throws ConfigError if there is no such file, or it cannot be read; the message quotes nothing of its content
 */
export function readConfigFile(file: string): Readonly<Record<string, unknown>> {
  const refuse = (message: string): never => {
    throw new ConfigError([{ source: `file ${file}`, message }]);
  };
  const extension = path.extname(file).toLowerCase();
  const parse =
    PARSERS[extension] ??
    refuse(`its name must end in one of ${Object.keys(PARSERS).join(', ')}, which tells its format`);
  const text = readText(file, refuse);
  if (text.trim() === '') refuse('is empty');
  let content: unknown;
  try {
    content = parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxProblem)) throw error;
    refuse(`${extension.slice(1)}, ${error.message}`);
  }
  if (content === null || content === undefined) refuse('is empty but for comments');
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    return refuse('its top level must be an object with keys such as "name" and "origin"');
  }
  return content as Readonly<Record<string, unknown>>;
}

function readText(file: string, refuse: (message: string) => never): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    return refuse(reasonOf((error as NodeJS.ErrnoException).code));
  }
  if (
    startsWith(bytes, [0xef, 0xbb, 0xbf]) ||
    startsWith(bytes, [0xff, 0xfe]) ||
    startsWith(bytes, [0xfe, 0xff])
  ) {
    refuse('begins with a byte order mark; save it as UTF-8 without one');
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return refuse('is not UTF-8');
  }
}

function startsWith(bytes: Buffer, beginning: readonly number[]): boolean {
  return beginning.every((byte, position) => bytes[position] === byte);
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EISDIR: 'is a directory, not a file',
  EACCES: 'must not be read by the user who runs vsync; change its owner or its permissions',
};

function reasonOf(code = 'no code'): string {
  return REASONS[code] ?? `cannot be read (${code})`;
}
