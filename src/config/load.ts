import type { z } from 'zod';
import type { Role } from '../contract/ids';
import { formatDuration, parseDuration } from '../rules/time';
import { ConfigError, type ConfigProblem } from './errors';
import { isJson, readConfigFile } from './file';
import { setFromEnvironment, setFromFile, setFromFlags } from './layers';
import { GivenValues } from './given-values';
import { allKeys, rootKey, type Key } from './keys';
import {
  type Config,
  type DestinationConfig,
  destinationConfigSchema,
  type OriginConfig,
  originConfigSchema,
} from './schema';
import { distinctMounts, TICK_STEP_MS } from './sides';
import { canMatch } from '../rules/transform';

export interface ConfigSources {
  /** VSYNC_CONFIG if undefined, and if that is not set either, there is none. */
  readonly file?: string | undefined;
  /** By path of the key, without dashes: `{ 'origin.vault.token': '…' }`. */
  readonly flags?: Readonly<Record<string, string>> | undefined;
  /** The environment of the process; only variables that begin with VSYNC_ are read. */
  readonly env: NodeJS.ProcessEnv;
}

export interface Loaded<T extends Config = Config> {
  readonly config: T;
  readonly values: GivenValues;
  /** For the user: what was ignored, unused, or read as something else than what is written. They contain no secrets. */
  readonly warnings: string[];
}

/**
 * Loads the configuration of a role. Flags win over the environment, then the file, then defaults.
 *
 * @param role if undefined: destination if the file has that section, else origin
 * @throws ConfigError that lists every problem; it contains no configured value
 */
export function loadConfig(role: 'origin', sources: ConfigSources): Loaded<OriginConfig>;
export function loadConfig(role: 'destination', sources: ConfigSources): Loaded<DestinationConfig>;
export function loadConfig(role: Role | undefined, sources: ConfigSources): Loaded;
export function loadConfig(namedRole: Role | undefined, sources: ConfigSources): Loaded {
  const values = new GivenValues();
  const { problems, warnings } = values;
  const file = sources.file ?? (sources.env['VSYNC_CONFIG'] || undefined);
  if (file !== undefined) {
    const content = readConfigFile(file, { warnings });
    setFromFile(content, values, { source: `file ${file}`, warnings, numbersAsFlags: !isJson(file) });
  }
  const role = namedRole ?? (values.has('destination') ? 'destination' : 'origin');
  if (role === 'origin') warnings.push(...withoutDestination(problems, namedRole === 'origin'));
  setFromEnvironment(sources.env, values);
  setFromFlags(sources.flags ?? {}, values);
  warnings.push(...readAsOriginal(role, values));

  const result = parse(role, values);
  if (!result.success) problems.push(...result.error.issues.map((issue) => problemOf(issue, values)));
  if (!result.success || problems.length > 0) throw new ConfigError(problems);
  warnings.push(...unusedLogins(role, values), ...roundedTick(result.data, values));
  return { config: result.data, values, warnings };
}

/**
 * Turns problems of the section `destination` into warnings: an origin does not read it. If the user did not name the role,
 * "destination" with a plain value stays a problem: the file may be that of a destination with a typo.
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

/** As in the original, a token makes the AppRole unused. The original's own sample has both, so this is a warning. */
function unusedLogins(role: Role, values: GivenValues): string[] {
  return sidesOf(role).flatMap((side) => {
    const token = values.get(`${side}.vault.token`);
    const approle = ['role_id', 'secret_id'].map((name) => values.get(`${side}.vault.approle.${name}`));
    const unused = approle.flatMap((given) => given?.shown ?? []);
    if (token === undefined || unused.length === 0) return [];
    const verb = unused.length === 1 ? 'is' : 'are';
    return [`${token.shown} is used, and ${unused.join(' and ')} ${verb} not; remove one of the two`];
  });
}

/** The original takes a tick of 1.5s as it is. Such a file still works, but not silently. */
function roundedTick(config: Config, values: GivenValues): string[] {
  const given = values.get(`${config.role}.tick`);
  if (typeof given?.value !== 'string' || parseDuration(given.value) % TICK_STEP_MS === 0) return [];
  const { tickMs } = config.role === 'origin' ? config.origin : config.destination;
  return [
    `${given.shown}: ${formatDuration(parseDuration(given.value))} is rounded up to ` +
      `${formatDuration(tickMs)}, because schedules in Temporal count whole seconds`,
  ];
}

function parse(role: Role, values: GivenValues): z.ZodSafeParseResult<Config> {
  // One file may serve both roles: an origin ignores the section of the destination.
  const { destination, ...origin } = values.toObject(rootKey) as Record<string, unknown>;
  return role === 'origin'
    ? originConfigSchema.safeParse(origin)
    : destinationConfigSchema.safeParse({ ...origin, destination });
}

function problemOf(issue: z.core.$ZodIssue, values: GivenValues): ConfigProblem {
  // An entry of a list has the source of its list: "origin.mounts[1]" that of "origin.mounts".
  const listAt = issue.path.findIndex((part) => typeof part === 'number');
  const source = values.get((listAt < 0 ? issue.path : issue.path.slice(0, listAt)).join('.'))?.source;
  const key = issue.path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('');
  return { key: key.slice(1), ...(source === undefined ? {} : { source }), message: issue.message };
}

/** Replaces values that the original vsync silently accepts and that our schema would refuse, with a warning for each. */
function readAsOriginal(role: Role, values: GivenValues): string[] {
  return [
    ...oneOf(values, 'log.level', ['debug', 'info', 'warn', 'error'], 'info'),
    ...oneOf(values, 'log.type', ['console', 'json'], 'console'),
    ...(role === 'destination' ? unreadInDestination(values) : []),
    ...sidesOf(role).flatMap((side) => mountsOnce(values, `${side}.mounts`)),
    ...(role === 'destination' ? idleTransforms(values) : []),
  ];
}

function sidesOf(role: Role): Role[] {
  return role === 'origin' ? ['origin'] : ['origin', 'destination'];
}

/** In the original, any other word means the default. */
function oneOf(values: GivenValues, path: string, words: readonly unknown[], meaning: string): string[] {
  const given = values.get(path);
  if (given === undefined || words.includes(given.value)) return [];
  values.set(path, meaning, given.source);
  const known = `${words.slice(0, -1).join(', ')} or ${String(words.at(-1))}`;
  return [`${given.shown} is not ${known}; it counts as ${meaning}, as in the original vsync`];
}

/** The original reads these keys in the file of an origin only: in the file of a destination they may be anything. */
function unreadInDestination(values: GivenValues): string[] {
  const times = ['origin.tick', 'origin.timeout', 'origin.numWorkers'].flatMap((path) => {
    const given = values.get(path);
    const result = keyCalled(path)?.schema.safeParse(given?.value);
    if (given === undefined || result === undefined || result.success) return [];
    values.unset(path);
    const what = result.error.issues[0]?.message ?? 'is wrong';
    return [`${given.shown} ${what}; it is ignored, because a destination does not need it`];
  });
  return [...times, ...unreadFeed(values)];
}

/** The same for a whole section: its keys depend on each other. */
function unreadFeed(values: GivenValues): string[] {
  const path = 'origin.feed';
  const key = keyCalled(path);
  const problem = key?.schema.safeParse(values.toObject(key)).error?.issues[0];
  if (problem === undefined) return [];
  values.unset(path);
  const at = [path, ...problem.path].join('.');
  return [`${at} ${problem.message}; ${path} is ignored, because a destination does not need it`];
}

function keyCalled(path: string): Key | undefined {
  return allKeys().find((key) => key.path === path);
}

function mountsOnce(values: GivenValues, path: string): string[] {
  const given = values.get(path);
  if (!Array.isArray(given?.value)) return [];
  const distinct = distinctMounts(given.value);
  if (distinct.length === given.value.length) return [];
  values.set(path, distinct, given.source);
  return [`${given.shown} names a mount twice; it counts once`];
}

/** They never match in the original either, but it does not report that. */
function idleTransforms(values: GivenValues): string[] {
  const path = 'destination.transforms';
  const given = values.get(path);
  const rules: unknown[] = Array.isArray(given?.value) ? given.value : [];
  const idle = [...rules.keys()].filter((position) => isIdle(rules[position]));
  const why = `(${given?.source ?? ''}) matches no path, because its "from" has no named group`;
  return idle.map((position) => `${path}[${position}] ${why}`);
}

function isIdle(rule: unknown): boolean {
  if (typeof rule !== 'object' || rule === null) return false;
  const { from = '' } = rule as { readonly from?: unknown };
  if (typeof from !== 'string') return false;
  try {
    return !canMatch({ name: '', from, to: '' });
  } catch {
    // Not a regular expression: the schema reports it.
    return false;
  }
}
