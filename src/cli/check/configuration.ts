import type { Check } from '../../access/check-line';

/** A variable that the client libraries of the original obeyed, and what to write instead. */
export interface ForeignVariable {
  name: string;
  advice: string;
}

/** What was ignored while the configuration was loaded. Wrong configurations do not come this far. */
export function checkConfiguration(
  warnings: readonly string[],
  foreign: readonly ForeignVariable[],
): Check[] {
  const findings = [...warnings, ...foreign.map(({ name, advice }) => `${name} is set: ${advice}`)];
  if (findings.length === 0) return [{ what: 'configuration', outcome: 'pass', detail: 'is complete' }];
  return findings.map((detail) => ({ what: 'configuration', outcome: 'warning', detail }));
}
