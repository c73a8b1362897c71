import { firstLines } from './first-lines';
import { shortSet } from './named-set';
import type { Plan, PlannedAction } from '../../activities/destination/plan/plan';

const TITLES: Readonly<Record<PlannedAction, string>> = {
  add: 'add',
  update: 'update',
  compare: 'compare, and write if the values differ',
  settings: 'carry the settings over',
  delete: 'delete (softly)',
  hold: 'hold: keep at the destination',
  refuse: 'refuse: not copied',
};

/** The plan for people. */
export function formatPlan({ name, planned, held, orphans, orphansHash, notes }: Plan): string {
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
    lines.push(
      orphansHash === undefined
        ? '    they stay; the next cycle changes this list first: look at the plan again after it'
        : `    they stay until: vsync prune --orphans --set ${shortSet(orphansHash)} -c FILE`,
    );
  }
  return lines.join('\n');
}

/** One line for each. */
export function formatOrphans(orphans: Plan['orphans']): string[] {
  return orphans.map(({ at, of, since }) => `    ${at}  (copied for ${of}; since ${since})`);
}
