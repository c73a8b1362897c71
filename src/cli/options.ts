import { Option, type Command } from 'commander';
import { ConfigError } from '../config/errors';
import { loadConfig, type ConfigSources, type Loaded } from '../config/load';
import type { Config } from '../config/schema';
import type { Role } from '../contract/ids';

/** Options of a command as commander hands them over, by name. */
export type Options = Record<string, unknown>;

/** Configuration keys that are also flags. An empty value empties the key if the original vsync has the flag too. */
export const FLAGS: readonly [key: string, what: string][] = [
  ['log.level', 'debug, info, warn or error'],
  ['log.type', 'console or json'],
  ['temporal.address', 'address of Temporal, host:port'],
  ['temporal.namespace', 'namespace in Temporal'],
  ...(['origin', 'destination'] as const).flatMap((role): [string, string][] => [
    [`${role}.vault.address`, `address of the ${role} Vault`],
    [`${role}.vault.token`, `token for the ${role} Vault`],
    [`${role}.vault.role_id`, `AppRole role id for the ${role} Vault`],
    [`${role}.vault.secret_id`, `AppRole secret id for the ${role} Vault`],
    [`${role}.consul.address`, `address of the ${role} Consul`],
    [`${role}.consul.dc`, `datacenter of the ${role} Consul`],
  ]),
];

/** Whether an option, by its long name, overrides a key that the original vsync has too. */
export const isOverride = (name: string): boolean =>
  FLAGS.some(([key]) => key === name && !key.startsWith('temporal.'));

/** Adds `-c FILE`, the flags that override the file, and `--role` to a command that works for both roles. */
export function configured(command: Command, { anyRole = false } = {}): Command {
  command.option(
    '-c, --config <file>',
    'configuration file: JSON, YAML or HCL, by its extension (or VSYNC_CONFIG)',
  );
  if (anyRole) {
    const role = new Option('--role <role>', 'the role to act for, if the file has both sections');
    command.addOption(role.choices(['origin', 'destination']));
  }
  return flags(command);
}

/** Hidden in the help of each command: `vsync --help` lists them once. */
export function flags(command: Command): Command {
  for (const [key, what] of FLAGS) command.addOption(new Option(`--${key} <value>`, what).hideHelp());
  return command;
}

/** What the command has loaded. At the level debug, errors are printed with their stack. */
export const loaded: { logLevel?: Config['log']['level'] | undefined; files: Set<string> } = {
  files: new Set(),
};

/** A text for a person, with the file of the command instead of "FILE", unless the command has several. */
export function withFile(text: string, files: ReadonlySet<string> = loaded.files): string {
  const [file] = files;
  return file === undefined || files.size > 1 ? text : text.replaceAll('-c FILE', () => `-c ${quoted(file)}`);
}

/** As a shell takes it. */
function quoted(file: string): string {
  return /^[\w@%+=:,./-]+$/.test(file) ? file : `'${file.replaceAll("'", "'\\''")}'`;
}

/** Prints the result of a command as text. */
export function print(text: string): void {
  console.log(withFile(text));
}

/** Loads the configuration that the options name. */
export function loadQuietly(
  options: Options,
  role = options['role'] as Role | undefined,
  file = options['config'] as string | undefined,
): Loaded {
  const sources = sourcesOf(options, file);
  const named = sources.file ?? sources.env['VSYNC_CONFIG'] ?? '';
  if (named !== '') loaded.files.add(named);
  try {
    const found = loadConfig(role, sources);
    loaded.logLevel = found.config.log.level;
    return found;
  } catch (error) {
    if (!(error instanceof ConfigError) || named !== '') throw error;
    // Without a file most keys are missing: the reason comes first.
    const message = 'no configuration file was named: give -c FILE, or set VSYNC_CONFIG';
    throw new ConfigError([{ message }, ...error.problems]);
  }
}

/** {@link loadQuietly}, and prints the warnings about the configuration. */
export function loadWithWarnings(...args: Parameters<typeof loadQuietly>): Loaded {
  const found = loadQuietly(...args);
  warn(found.warnings);
  return found;
}

export function load(options: Options, role?: Role): Config {
  return loadWithWarnings(options, role).config;
}

export function sourcesOf(options: Options, file = options['config'] as string | undefined): ConfigSources {
  const given = FLAGS.flatMap(([key]): [string, string][] => {
    const value = options[key];
    return typeof value === 'string' ? [[key, value]] : [];
  });
  return { file, flags: Object.fromEntries(given), env: process.env };
}

/** Prints warnings to stderr: stdout is for results. */
export function warn(warnings: readonly string[]): void {
  for (const warning of warnings) console.error(`vsync: ${withFile(warning)}`);
}

/** The file, for messages that name the next command. */
export function fileOf(options: Options): string {
  const file = options['config'] ?? process.env['VSYNC_CONFIG'];
  return typeof file === 'string' ? quoted(file) : 'FILE';
}
