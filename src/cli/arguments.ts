import { FLAGS } from './options';

/**
 * The arguments as commander reads them. As with the original, flags may also be written before the command
 * (`vsync -c FILE origin`), and the file as `-c=FILE`.
 *
 * @param argv with node and the script in front, as process.argv
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
  return [node, script, command, ...args.slice(0, first), ...args.slice(first + 1)];
}

/** commander would take "=FILE" for the file. */
function withoutEqualsSign(arg: string, before: string | undefined): string[] {
  const isValue = before !== undefined && lengthOfFlag(before) === 2;
  return arg.startsWith('-c=') && !isValue ? ['-c', arg.slice('-c='.length)] : [arg];
}

const NAMES: ReadonlySet<string> = new Set(['-c', '--config', ...FLAGS.map(([key]) => `--${key}`)]);

/** How many arguments a flag with its value is; 0 if it is not one of the configuration's. */
function lengthOfFlag(arg: string): number {
  if (NAMES.has(arg)) return 2;
  const [name = ''] = arg.split('=', 1);
  return (arg.includes('=') && NAMES.has(name)) || /^-c./.test(arg) ? 1 : 0;
}
