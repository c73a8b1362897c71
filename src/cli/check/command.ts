import { formatChecks, type Check } from '../../access/check-line';
import { limitVaults } from '../../activities/clients';
import type { Config } from '../../config/schema';
import { UserError } from '../../errors';
import { foreignVariables, type ForeignVariable } from '../../migrate/foreign-environment';
import { interruptible } from '../interruptible';
import { loadQuietly, print, warn, type Options } from '../options';
import { checkOriginConsul, checkOwnConsul } from './consul';
import { checkFeedListeners } from './feed';
import { mountRuleChecks, type RulesOfSides } from './mount-rules';
import { checkTemporal } from './temporal';
import { transformChecks } from './transforms';
import { checkVaults } from './vault';

/** `vsync check`: whether configuration, servers and tokens are what the role needs. */
export async function checkAll(options: Options): Promise<void> {
  const { config, warnings } = loadQuietly(options);
  const foreign = foreignVariables(process.env);
  const left: string[] = [];
  const onLeft = (place: string): void => void left.push(place);
  const { isInterrupted, checks } = await interruptible(async (signal) => {
    const checking = runChecks(config, { warnings, foreign, signal, onLeft });
    const found = await checking.catch((error: unknown): Check[] => {
      // What an interrupted request throws is not what the user has to know.
      if (signal.aborted) return [];
      throw error;
    });
    return { isInterrupted: signal.aborted, checks: found };
  });
  const remedy = 'remove it with "consul kv delete", or run the check again after ten minutes';
  const leftKeys = left.map((place) => `${place}: the check could not remove its key: ${remedy}`);
  if (isInterrupted) {
    const words = left.length > 0 ? leftKeys : ['the check left nothing behind'];
    throw new UserError(['interrupted', ...words].join(': '));
  }
  warn(leftKeys);
  const failed = checks.filter(({ outcome }) => outcome === 'fail').length;
  const { name, role } = config;
  if (options['json'] === true)
    console.log(JSON.stringify({ name, role, ok: failed === 0, checks }, null, 2));
  else print(`${name} (${role})\n${formatChecks(checks)}`);
  if (failed > 0) throw new UserError(`${failed} of ${checks.length} checks failed`);
}

interface CheckOptions {
  /** Warnings from loading the configuration. */
  warnings: readonly string[];
  foreign: readonly ForeignVariable[];
  /** Ends the checks early: what was written is removed, and what was logged in is logged out. */
  signal?: AbortSignal;
  /** Called with the place of a key in Consul that may be left, because it could not be removed. */
  onLeft?: (place: string) => void;
}

/**
 * All checks of `vsync check`, in the order in which they are shown. A failed check stops only what depends on it.
 * Writes one key in Consul, and removes it again.
 */
export async function runChecks(
  config: Config,
  { warnings, foreign, signal, onLeft }: CheckOptions,
): Promise<Check[]> {
  const lifts = limitVaults(config);
  const rules: RulesOfSides = { origin: new Map(), destination: new Map() };
  try {
    const checks = await allEnded([
      checkTemporal(config),
      checkVaults(config, rules, signal),
      ...(config.role === 'destination' ? [checkOriginConsul(config)] : []),
      checkOwnConsul(config, signal, onLeft),
      checkFeedListeners(config),
    ]);
    const ofRules =
      config.role === 'destination' ? [...transformChecks(config), ...mountRuleChecks(config, rules)] : [];
    return [...checkConfiguration(warnings, foreign), ...checks.flat(), ...ofRules];
  } finally {
    for (const lift of lifts) lift();
  }
}

/**
 * The results of all. Where one fails or is interrupted, the others still end in order: one of them has written a key that
 * it has to remove. Throws the first failure then.
 */
async function allEnded<T>(parts: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(parts);
  return Promise.all(parts);
}

/** What was ignored while the configuration was loaded. A wrong configuration has ended the command before. */
function checkConfiguration(warnings: readonly string[], foreign: readonly ForeignVariable[]): Check[] {
  const ignored = [...warnings, ...foreign.map(({ name, advice }) => `${name} is set: ${advice}`)];
  if (ignored.length === 0) return [{ what: 'configuration', outcome: 'pass', detail: 'is complete' }];
  return ignored.map((detail) => ({ what: 'configuration', outcome: 'warning', detail }));
}
