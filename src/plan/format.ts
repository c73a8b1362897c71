import type { Plan, PlannedAction } from './plan';

/** Paths of one action that are shown to people; `--json` has all. */
const SHOWN = 20;

const TITLES: Readonly<Record<PlannedAction, string>> = {
  add: 'add',
  update: 'update',
  compare: 'compare, and write if the values differ',
  settings: 'carry the settings over',
  delete: 'delete (softly)',
  hold: 'hold: keep at the destination',
  refuse: 'refuse: not copied',
};

/** Enough of a hash to name a set of deletes. */
export const shortSet = (hash: string): string => hash.slice(0, 12);

/** The plan for people. */
export function formatPlan({ name, planned, held, orphans, notes }: Plan): string {
  const lines = [`what a cycle of ${name} would do now:`, ...notes.map((note) => `  note: ${note}`)];
  for (const [action, title] of Object.entries(TITLES)) {
    const those = planned.filter((entry) => entry.action === action);
    if (those.length === 0) continue;
    lines.push(`  ${title}: ${those.length}`);
    for (const { path, to, why } of those.slice(0, SHOWN))
      lines.push(`    ${path}${to === undefined ? '' : ` -> ${to}`}  (${why})`);
    if (those.length > SHOWN) lines.push(`    … and ${those.length - SHOWN} more; --json shows all`);
  }
  if (held !== undefined)
    lines.push(`  ${held.count} deletes wait for: vsync approve --set ${shortSet(held.hash)} -c FILE`);
  if (planned.length === 0) lines.push('  nothing');
  if (orphans.length > 0) {
    lines.push(`  orphans, left by an earlier configuration: ${orphans.length}`);
    lines.push(...formatOrphans(orphans).slice(0, SHOWN));
    if (orphans.length > SHOWN) lines.push(`    … and ${orphans.length - SHOWN} more; --json shows all`);
    lines.push('    they stay until somebody says: vsync plan --apply-orphans -c FILE');
  }
  return lines.join('\n');
}

/** One line for each. */
export function formatOrphans(orphans: Plan['orphans']): string[] {
  return orphans.map(({ at, of, since }) => `    ${at}  (copied for ${of}; since ${since})`);
}
