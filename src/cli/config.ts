import { type EffectiveKey, effectiveKeys, FROM_DEFAULT } from '../config/given-values';
import { loadConfig, type ConfigSources } from '../config/load';
import type { Role } from '../contract/ids';
import { fromVaultSync } from '../migrate/from-vault-sync';
import { temporalStandard } from '../temporal/target';
import { sourcesOf, warn, type Options } from './options';

/** `vsync config`: the configuration as a command would use it. */
export function showConfig(options: Options): void {
  const vaultSync = options['fromVaultSync'];
  if (typeof vaultSync === 'string') {
    process.stdout.write(fromVaultSync(vaultSync));
    return;
  }
  const effective = readEffectiveConfig(options['role'] as Role | undefined, sourcesOf(options));
  warn(effective.warnings);
  console.log(options['json'] === true ? jsonOfConfig(effective) : formatConfig(effective));
}

/** Holds no secret. */
export interface EffectiveConfig {
  readonly role: Role;
  readonly name: string;
  readonly keys: readonly EffectiveKey[];
  readonly warnings: readonly string[];
}

/** The configuration as a command would use it, and where each value came from. Asks no server. @throws ConfigError */
export function readEffectiveConfig(role: Role | undefined, sources: ConfigSources): EffectiveConfig {
  const { config, warnings, values } = loadConfig(role, sources);
  const standard = temporalStandard();
  const keys = effectiveKeys(config, values).map((key) =>
    // A section instead of true or false also counts as given.
    key.source === FROM_DEFAULT && !values.has(key.path)
      ? (fromStandard(key, standard, sources.env) ?? key)
      : key,
  );
  return { role: config.role, name: config.name, keys, warnings };
}

/** The value of a key that only Temporal's own standard sets; undefined if it does not. */
function fromStandard(
  { path }: EffectiveKey,
  standard: ReturnType<typeof temporalStandard>,
  env: NodeJS.ProcessEnv,
): EffectiveKey | undefined {
  const { variable = '', value = false, normal } = standard.get(path) ?? {};
  if (value === false) return undefined;
  const elsewhere = value === normal ? FROM_DEFAULT : "Temporal's own configuration";
  const source = env[variable] ? `environment ${variable}` : elsewhere;
  // Not the path of a file, but the key itself.
  if (path === 'temporal.apiKeyFile') return { path, source, secret: true, set: true };
  return { path, source, secret: false, value };
}

/** JSON by the path of each key. A missing value is null; the value of a secret is left out. */
export function jsonOfConfig({ role, name, keys }: EffectiveConfig): string {
  const byPath = keys.map((key): [string, object] => [
    key.path,
    key.secret
      ? { secret: true, set: key.set, source: key.source }
      : { value: key.value ?? null, source: key.source },
  ]);
  return JSON.stringify({ role, name, keys: Object.fromEntries(byPath) }, null, 2);
}

/** A table of key, value and source; each transform has rows of its own. */
export function formatConfig({ role, name, keys }: EffectiveConfig): string {
  const rows = keys.flatMap((key) => rowsOf(key));
  const width = (column: 0 | 1): number => Math.max(...rows.map((row) => row[column].length));
  const lines = rows.map(
    ([path, value, source]) => `  ${path.padEnd(width(0))}  ${value.padEnd(width(1))}  ${source}`,
  );
  return [`${role} ${name}`, ...lines].join('\n');
}

type Row = readonly [path: string, value: string, source: string];

function rowsOf(key: EffectiveKey): Row[] {
  if (key.secret) return [[key.path, key.set ? '(set, not shown)' : '(not set)', key.source]];
  const { path, value, source } = key;
  if (Array.isArray(value) && value.some((entry) => typeof entry === 'object')) {
    return value.flatMap((rule: object, number) =>
      Object.entries(rule).map(([name, part]): Row => [`${path}[${number}].${name}`, shown(part), source]),
    );
  }
  return [[path, shown(value), source]];
}

function shown(value: unknown): string {
  if (value === undefined || value === '') return '(not set)';
  if (Array.isArray(value)) return value.length === 0 ? '(none)' : value.map(shown).join(', ');
  if (typeof value !== 'string') return JSON.stringify(value);
  // Text that could confuse a terminal or the table is quoted.
  return /^[\p{L}\p{N}\p{P}\p{S}]+( [\p{L}\p{N}\p{P}\p{S}]+)*$/u.test(value) ? value : JSON.stringify(value);
}
