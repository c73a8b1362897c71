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

export function flags(command: Command): Command {
  for (const [key, what] of FLAGS)
    command.addOption(
      new Option(`--${key} <value>`, what).helpGroup('Flags that override the configuration:'),
    );
  return command;
}

/** Level of the loaded configuration: at debug, errors are printed with their stack. */
let loadedLevel: Config['log']['level'] | undefined;

/** Undefined until a configuration was loaded. */
export function logLevel(): Config['log']['level'] | undefined {
  return loadedLevel;
}

export function forgetLogLevel(): void {
  loadedLevel = undefined;
}

/** Without a file most keys are missing: the reason comes first. */
function loadNamed(role: Role | undefined, sources: ConfigSources): Loaded {
  try {
    return loadConfig(role, sources);
  } catch (error) {
    const isNamed = (sources.file ?? sources.env['VSYNC_CONFIG'] ?? '') !== '';
    if (!(error instanceof ConfigError) || isNamed) throw error;
    const message = 'no configuration file was named: give -c FILE, or set VSYNC_CONFIG';
    throw new ConfigError([{ message }, ...error.problems]);
  }
}

/** Loads the configuration that the options name, and prints the warnings about it. */
export function load(options: Options, file?: string, role?: Role): Config {
  return loadWithWarnings(options, file, role).config;
}

/** {@link load}, with the warnings for a log. */
export function loadWithWarnings(options: Options, file?: string, role?: Role): Loaded {
  const loaded = loadQuietly(options, file, role);
  warn(loaded.warnings);
  return loaded;
}

/** {@link load}, for a caller that shows the warnings itself. */
export function loadQuietly(
  options: Options,
  file = options['config'] as string | undefined,
  role = options['role'] as Role | undefined,
): Loaded {
  const loaded = loadNamed(role, sourcesOf(options, file));
  loadedLevel = loaded.config.log.level;
  return loaded;
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
  for (const warning of warnings) console.error(`vsync: ${warning}`);
}

/** The file, for messages that name the next command. */
export function fileOf(options: Options): string {
  const file = options['config'] ?? process.env['VSYNC_CONFIG'];
  return typeof file === 'string' ? file : 'FILE';
}
