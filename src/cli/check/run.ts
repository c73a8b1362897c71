import { limitVaults } from '../../activities/clients';
import type { Config } from '../../config/schema';
import type { Check } from '../../access/check-line';
import type { ForeignVariable } from '../../migrate/foreign-environment';
import { checkOriginConsul, checkOwnConsul } from './consul';
import { destinationNeeds, originNeeds } from '../../access/needs';
import { mountRuleChecks, type RulesOfSides } from './mount-rules';
import { checkTemporal } from './temporal';
import { checkVaults } from './vault';

export interface CheckOptions {
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
  const needs = config.role === 'origin' ? { origin: originNeeds(config) } : destinationNeeds(config);
  const lifts = limitVaults(config);
  const rules: RulesOfSides = { origin: new Map(), destination: new Map() };
  try {
    const checks = await Promise.all([
      checkTemporal(config),
      checkVaults(config, needs, rules, signal),
      ...(config.role === 'destination' ? [checkOriginConsul(config)] : []),
      checkOwnConsul(config, signal, onLeft),
    ]);
    const ofMounts = config.role === 'destination' ? mountRuleChecks(config, rules) : [];
    return [...checkConfiguration(warnings, foreign), ...checks.flat(), ...ofMounts];
  } finally {
    for (const lift of lifts) lift();
  }
}

/** What was ignored while the configuration was loaded. A wrong configuration has ended the command before. */
function checkConfiguration(warnings: readonly string[], foreign: readonly ForeignVariable[]): Check[] {
  const ignored = [...warnings, ...foreign.map(({ name, advice }) => `${name} is set: ${advice}`)];
  if (ignored.length === 0) return [{ what: 'configuration', outcome: 'pass', detail: 'is complete' }];
  return ignored.map((detail) => ({ what: 'configuration', outcome: 'warning', detail }));
}
