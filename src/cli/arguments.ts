import { InvalidArgumentError, type Command, type Option } from 'commander';
import { isSetName, SET_NAME } from './consent';
import { FLAGS, isOverride } from './options';
import { MAX_SYNCED_WAIT_MS } from '../syncer/limits';
import { SECRET_VERSION_PATTERN } from '../syncer/secrets/path';
import { listenAddress } from '../config/listen';
import { DurationError, formatDuration, parseDuration } from '../rules/time';

/**
 * The arguments as commander reads them. As with the original, flags may also be written before the command
 * (`vsync -c FILE origin`), and the file as `-c=FILE`.
 */
export function normalArguments(argv: readonly string[]): string[] {
  const [node = '', script = '', ...given] = argv;
  const args = given.flatMap((arg, position) => withoutEqualsSign(arg, given[position - 1]));
  let first = 0;
  while (first < args.length) {
    const length = lengthOfFlag(args[first] ?? '');
    if (length === 0) break;
    first += length;
  }
  const command = args[first];
  if (first === 0 || command === undefined || command.startsWith('-')) return [node, script, ...args];
  const rest = args.slice(first + 1);
  // A path precedes the flags: after -c, "synced" takes any number of files.
  const paths = rest.findIndex((arg) => arg.startsWith('-'));
  const leading = paths < 0 ? rest.length : paths;
  return [node, script, command, ...rest.slice(0, leading), ...args.slice(0, first), ...rest.slice(leading)];
}

/** commander would take "=FILE" as the file. */
function withoutEqualsSign(arg: string, before: string | undefined): string[] {
  const isValue = before !== undefined && lengthOfFlag(before) === 2;
  return arg.startsWith('-c=') && !isValue ? ['-c', arg.slice('-c='.length)] : [arg];
}

const NAMES: ReadonlySet<string> = new Set(['-c', '--config', ...FLAGS.map(([key]) => `--${key}`)]);

/** Number of arguments that a flag and its value take; 0 if it is not a flag of the configuration. */
function lengthOfFlag(arg: string): number {
  if (NAMES.has(arg)) return 2;
  const [name = ''] = arg.split('=', 1);
  return (arg.includes('=') && NAMES.has(name)) || /^-c./.test(arg) ? 1 : 0;
}

/**
 * Makes a usage error of each value that is a mistake: an empty one (`--set "$UNSET"`), the name of another option
 * (`--set --json`: commander takes the next word as the value), and a second value of an option that takes one.
 *
 * Flags that override a key of the original vsync are excepted: there an empty value and a second value have a meaning.
 */
export function checkValues(program: Command): void {
  for (const command of [program, ...program.commands]) {
    for (const option of command.options.filter(({ required, optional }) => required || optional))
      checkValue(command, option);
  }
}

function checkValue(command: Command, option: Option): void {
  const mayBeEmptyOrTwice = isOverride(option.name());
  const parse = option.parseArg as ((value: string, before: unknown) => unknown) | undefined;
  option.argParser<unknown>((value, before) => {
    if (isNameOf(command, value))
      throw new InvalidArgumentError(
        `It is the name of another option: the value of ${option.flags} is missing.`,
      );
    if (!mayBeEmptyOrTwice && value.trim() === '')
      throw new InvalidArgumentError('It is empty. Give a value, or leave the option out.');
    if (!mayBeEmptyOrTwice && !option.variadic && before !== undefined)
      throw new InvalidArgumentError('It was given twice, and takes one value.');
    if (parse !== undefined) return parse(value, before);
    return option.variadic ? [...((before as string[] | undefined) ?? []), value] : value;
  });
}

function isNameOf({ options }: Command, value: string): boolean {
  const [name = ''] = value.split('=');
  return name.startsWith('-') && options.some(({ short, long }) => short === name || long === name);
}

/** Parses the name of a set of paths. */
export function setName(value: string): string {
  if (isSetName(value)) return value;
  throw new InvalidArgumentError(`It must be ${SET_NAME}.`);
}

/** Parses how long to wait, a Go duration. @returns milliseconds */
export function waitTime(value: string): number {
  try {
    const waitMs = parseDuration(value);
    if (waitMs <= MAX_SYNCED_WAIT_MS) return waitMs;
  } catch (error) {
    if (error instanceof DurationError)
      throw new InvalidArgumentError('It must be a duration such as 30s, 1m30s or 2h.');
    throw error;
  }
  throw new InvalidArgumentError(`It must be at most ${formatDuration(MAX_SYNCED_WAIT_MS)}.`);
}

/** Parses a version of a secret, as a write returns it. */
export function secretVersion(value: string): number {
  if (new RegExp(SECRET_VERSION_PATTERN).test(value)) return Number(value);
  throw new InvalidArgumentError('It must be the version that the write returned, such as 3.');
}

/** Parses a TCP port. */
export function portNumber(value: string): number {
  const port = Number(value);
  if (/^\d{1,5}$/.test(value) && port >= 1 && port <= 65_535) return port;
  throw new InvalidArgumentError('It must be a port from 1 to 65535.');
}

/** Parses an address to listen on. */
export function listenPlace(value: string): string {
  const checked = listenAddress(value);
  if ('problem' in checked) throw new InvalidArgumentError(`It ${checked.problem}.`);
  return checked.value;
}

/** Parses the address of a web page. @returns it without "/" at its end */
export function webAddress(value: string): string {
  if (/^https?:\/\/[^/?#\s@]+(\/[^?#\s]*)?$/i.test(value) && URL.canParse(value))
    return value.replace(/\/+$/, '');
  throw new InvalidArgumentError('It must be an http or https URL, such as http://127.0.0.1:8233.');
}
