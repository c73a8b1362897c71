import { readFileSync } from 'node:fs';
import path from 'node:path';
import { normalArguments } from '../../src/cli/arguments';
import { sourcesOf } from '../../src/cli/options';
import { createProgram } from '../../src/cli';
import { parseDuration } from '../../src/rules/time';
import { ConfigError } from '../../src/config/errors';
import { loadConfig } from '../../src/config/load';
import type { Config } from '../../src/config/schema';
import { printableName } from '../../src/contract/ids';
import { configFile, removeConfigFiles } from './fixtures';

/**
 * What the original vsync 0.3.0 (viper 1.4.0, yaml.v2 2.2.2, hcl 1.0.0) reads from files, flags and variables, taken
 * from its own code, beside what this one reads. For addresses of a Consul: where its client connects to.
 */
interface Table {
  /** What it reads from the file that all others are made of, by role. */
  readonly values: Readonly<Record<Config['role'], Values>>;
  readonly files: readonly Row[];
}

type Values = Readonly<Record<string, unknown>>;

interface Row {
  readonly what: string;
  /** Its name: the end tells the format. */
  readonly file: string;
  readonly text: string;
  /** Destination if not given. */
  readonly role?: Config['role'];
  /** With FILE for the file and ROLE for the command. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** What differs from {@link Table.values}, or why it refuses the file. */
  readonly original: Read;
  /** Where ours differs on purpose: what it reads, and the row of docs/migration.md that says so. */
  readonly ours?: Read & { readonly differs: string };
}

/** Of ours, `refused` is the key that the message names. */
type Read = { readonly values: Values } | { readonly refused: string };

const TABLE = JSON.parse(
  readFileSync(path.join(__dirname, '..', 'vectors', 'original-config.json'), 'utf8'),
) as Table;
const MIGRATION = readFileSync(path.join(__dirname, '..', '..', 'docs', 'migration.md'), 'utf8');

afterAll(removeConfigFiles);

function load({ file: name, text, role = 'destination', args, env = {} }: Row): Config {
  const file = configFile(text, name);
  if (args === undefined) return loadConfig(role, { file, env }).config;
  const given = args.map((arg) => arg.replace('FILE', file).replace('ROLE', role));
  const program = createProgram();
  const command = program.commands.find((command) => command.name() === role);
  let config: Config | undefined;
  command?.action((options: Record<string, unknown>) => {
    config = loadConfig(role, { ...sourcesOf(options), env }).config;
  });
  program.parse(normalArguments(['node', 'vsync', ...given]));
  if (config === undefined) throw new Error('the command was not called');
  return config;
}

/** Our configuration by the keys of the original, in a form that both share. */
function valuesOf(config: Config): Values {
  const own = config.role === 'origin' ? config.origin : config.destination;
  return {
    name: config.name,
    'log.level': config.log.level,
    'log.type': config.log.type,
    numBuckets: config.numBuckets,
    ...sideOf('origin', config.origin),
    ...(config.role === 'destination'
      ? {
          ignoreDeletes: config.ignoreDeletes,
          ...sideOf('destination', config.destination),
          'destination.transforms': config.destination.transforms,
        }
      : {}),
    [`${config.role}.tick`]: own.tickMs,
    [`${config.role}.timeout`]: own.timeoutMs,
    [`${config.role}.numWorkers`]: own.numWorkers,
  };
}

function sideOf(side: string, { syncPath, mounts, renewToken, vault, consul }: Config['origin']): Values {
  const { auth } = vault;
  return {
    [`${side}.syncPath`]: syncPath,
    [`${side}.mounts`]: mounts,
    [`${side}.renewToken`]: renewToken,
    [`${side}.vault.address`]: vault.address,
    [`${side}.vault.login`]: auth.kind === 'token' ? auth.token : [auth.path, auth.roleId, auth.secretId],
    [`${side}.consul.address`]: consul.address,
    [`${side}.consul.dc`]: consul.dc ?? '',
  };
}

/** The original's values in the same form. */
function inOurForm(values: Values): Values {
  const sides = ['origin', 'destination'].filter((side) => `${side}.syncPath` in values);
  const text = (key: string): string => values[key] as string;
  const entries = Object.entries(values)
    .filter(([key]) => !key.includes('.vault.approle.') && !key.endsWith('.vault.token'))
    .map(([key, value]): [string, unknown] => [key, formOf(key, value)]);
  const logins = sides.map((side): [string, unknown] => {
    const approle = ['path', 'role_id', 'secret_id'].map((name) => text(`${side}.vault.approle.${name}`));
    const [path = '', ...ids] = approle;
    const token = text(`${side}.vault.token`);
    return [
      `${side}.vault.login`,
      token === '' ? [path.replace(/^\/|\/$/g, '') || 'approle', ...ids] : token,
    ];
  });
  return Object.fromEntries([...entries, ...logins]);
}

function formOf(key: string, value: unknown): unknown {
  if (typeof value !== 'string') return value;
  if (key === 'name') return printableName(value);
  if (key.endsWith('.syncPath')) return value.replace(/\/?$/, '/');
  if (/\.(tick|timeout)$/.test(key)) return parseDuration(value);
  if (key.endsWith('.vault.address')) return value.replace(/\/+$/, '');
  return key.endsWith('.consul.address') && !value.includes('://') ? `http://${value}` : value;
}

it('loadConfig is compared with enough files of each format', () => {
  const files = (end: string): number => TABLE.files.filter(({ file }) => file.endsWith(end)).length;
  expect(TABLE.files.length).toBeGreaterThanOrEqual(100);
  expect(Math.min(files('.json'), files('.yaml'), files('.hcl'))).toBeGreaterThanOrEqual(20);
});

describe('loadConfig reads what the original vsync reads', () => {
  it.each(TABLE.files.map((row) => [row.what, row] as const))('%s', (_what, row) => {
    const expected = row.ours ?? row.original;
    if (row.ours !== undefined)
      expect(
        MIGRATION.split('\n').filter((line) => line.startsWith(`| ${row.ours?.differs ?? ''}`)),
      ).toHaveLength(1);
    if ('refused' in expected) {
      let refused: unknown;
      try {
        load(row);
      } catch (error) {
        refused = error;
      }
      expect(refused).toBeInstanceOf(ConfigError);
      if (row.ours === undefined) return;
      const { problems } = refused as ConfigError;
      expect(problems.map(({ key = '' }) => key)).toContain(expected.refused);
    } else {
      const values = { ...TABLE.values[row.role ?? 'destination'], ...expected.values };
      expect(valuesOf(load(row))).toEqual(inOurForm(values));
    }
  });
});
