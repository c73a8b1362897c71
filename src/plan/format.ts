import { firstLines } from '../first-lines';
import type { Plan, PlannedAction } from './plan';

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
    lines.push(
      ...firstLines(
        those.map(({ path, to, why }) => `    ${path}${to === undefined ? '' : ` -> ${to}`}  (${why})`),
      ),
    );
  }
  if (held !== undefined)
    lines.push(`  ${held.count} deletes wait for: vsync approve --set ${shortSet(held.hash)} -c FILE`);
  if (planned.length === 0) lines.push('  nothing');
  if (orphans.length > 0) {
    lines.push(`  orphans, left by an earlier configuration: ${orphans.length}`);
    lines.push(...firstLines(formatOrphans(orphans)));
    lines.push('    they stay until somebody says: vsync plan --apply-orphans -c FILE');
  }
  return lines.join('\n');
}

/** One line for each. */
export function formatOrphans(orphans: Plan['orphans']): string[] {
  return orphans.map(({ at, of, since }) => `    ${at}  (copied for ${of}; since ${since})`);
}
