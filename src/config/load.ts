import type { z } from 'zod';
import type { Role } from '../contract/ids';
import { readAsOriginal } from './as-original';
import { formatDuration, parseDuration } from '../rules/duration';
import { ConfigError, type ConfigProblem } from './errors';
import { isJson, readConfigFile } from './file';
import { setFromFile } from './file-layer';
import { rootKey } from './keys';
import type { PlainValues } from './misreadings';
import {
  destinationConfigSchema,
  originConfigSchema,
  TICK_STEP_MS,
  type Config,
  type DestinationConfig,
  type OriginConfig,
} from './schema';
import { Settings } from './settings';
import { setFromEnvironment, setFromFlags } from './text-layers';

export interface ConfigSources {
  /** Configuration file; VSYNC_CONFIG if undefined, and if that is not set either, there is none. */
  readonly file?: string | undefined;
  /** By path of the key, without dashes: `{ 'origin.vault.token': '…' }`. */
  readonly flags?: Readonly<Record<string, string>> | undefined;
  /** The environment of the process, in which variables with VSYNC_ are looked for. */
  readonly env: NodeJS.ProcessEnv;
}

export interface Loaded<T extends Config = Config> {
  readonly config: T;
  /** To be shown: what was ignored, not used or read otherwise than written. Holds no secrets. */
  readonly warnings: string[];
}

/**
 * Loads the configuration of a role. A flag beats the environment, that beats the file, that beats the default.
 *
 * @param role if undefined, destination if the file has that section, else origin
 * @throws ConfigError that lists every problem; no configured value is part of it
 */
export function loadConfig(role: 'origin', sources: ConfigSources): Loaded<OriginConfig>;
export function loadConfig(role: 'destination', sources: ConfigSources): Loaded<DestinationConfig>;
export function loadConfig(role: Role | undefined, sources: ConfigSources): Loaded;
export function loadConfig(role: Role | undefined, sources: ConfigSources): Loaded {
  const { config, warnings } = loadWithSettings(role, sources);
  return { config, warnings };
}

/** {@link loadConfig}, and what was given from where: for saying where a value came from. */
export function loadWithSettings(
  role: Role | undefined,
  sources: ConfigSources,
): Loaded & { readonly settings: Settings } {
  const settings = new Settings();
  const problems: ConfigProblem[] = [];
  const warnings: string[] = [];
  const file = sources.file ?? (sources.env['VSYNC_CONFIG'] || undefined);
  if (file !== undefined) {
    const plain: PlainValues = new WeakMap();
    setFromFile(
      readConfigFile(file, { warnings, plain }),
      `file ${file}`,
      settings,
      { problems, warnings },
      { numbersAsFlags: !isJson(file), plain },
    );
  }
  const roleOfFile = role ?? (settings.has('destination') ? 'destination' : 'origin');
  if (roleOfFile === 'origin') warnings.push(...withoutDestination(problems, role === 'origin'));
  setFromEnvironment(sources.env, settings, problems, warnings);
  setFromFlags(sources.flags ?? {}, settings, problems, warnings);
  warnings.push(...readAsOriginal(roleOfFile, settings));

  const result = parse(roleOfFile, settings);
  if (!result.success) problems.push(...result.error.issues.map((issue) => problemOf(issue, settings)));
  if (!result.success || problems.length > 0) throw new ConfigError(problems);
  warnings.push(...unusedLogins(result.data.role, settings));
  warnings.push(...roundedTick(result.data, settings));
  return { config: result.data, warnings, settings };
}

/**
 * An origin does not read the section of a destination, so what is wrong there does not stop it.
 *
 * @param isNamed whether the role was asked for; else "destination" as a plain value may be a destination's file with a
 *   slip, and it must not run as an origin
 */
function withoutDestination(problems: ConfigProblem[], isNamed: boolean): string[] {
  const theirs = problems.filter(({ key }) => {
    const path = key?.toLowerCase();
    return path?.startsWith('destination.') === true || (isNamed && path === 'destination');
  });
  problems.splice(0, problems.length, ...problems.filter((problem) => !theirs.includes(problem)));
  return theirs.map(
    ({ key = '', source = '', message }) => `${key} (${source}) ${message}; an origin does not read it`,
  );
}

/** The original never looks at an AppRole beside a token, and its own sample has both: allowed, but said. */
function unusedLogins(role: Role, settings: Settings): string[] {
  const sides = role === 'origin' ? ['origin'] : ['origin', 'destination'];
  const given = (key: string): string[] => {
    const source = settings.sourceOf(key);
    return source === undefined ? [] : [`${key} (${source})`];
  };
  return sides.flatMap((side) => {
    const [token] = given(`${side}.vault.token`);
    const unused = ['role_id', 'secret_id'].flatMap((name) => given(`${side}.vault.approle.${name}`));
    if (token === undefined || unused.length === 0) return [];
    const verb = unused.length === 1 ? 'is' : 'are';
    return [`${token} is used, and ${unused.join(' and ')} ${verb} not; remove what is not meant`];
  });
}

/** The original ran a tick of 1.5s as it is: such a file goes on working, but not silently. */
function roundedTick(config: Config, settings: Settings): string[] {
  const key = `${config.role}.tick`;
  const given = settings.valueOf(key);
  if (typeof given !== 'string' || parseDuration(given) % TICK_STEP_MS === 0) return [];
  const { tickMs } = config.role === 'origin' ? config.origin : config.destination;
  return [
    `${key} (${settings.sourceOf(key) ?? ''}): ${formatDuration(parseDuration(given))} is rounded up to ` +
      `${formatDuration(tickMs)}, because schedules in Temporal count whole seconds`,
  ];
}

function parse(role: Role, settings: Settings): z.ZodSafeParseResult<Config> {
  // An origin does not look at the destination's section: one file may serve both roles.
  const { destination, ...origin } = settings.toObject(rootKey) as Record<string, unknown>;
  return role === 'origin'
    ? originConfigSchema.safeParse(origin)
    : destinationConfigSchema.safeParse({ ...origin, destination });
}

function problemOf(issue: z.core.$ZodIssue, settings: Settings): ConfigProblem {
  // A place in a list is part of the list's path: "origin.mounts[1]" came from where "origin.mounts" came from.
  const listAt = issue.path.findIndex((part) => typeof part === 'number');
  const source = settings.sourceOf((listAt < 0 ? issue.path : issue.path.slice(0, listAt)).join('.'));
  const key = issue.path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('');
  return { key: key.slice(1), ...(source === undefined ? {} : { source }), message: issue.message };
}
