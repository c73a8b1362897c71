import { createClients } from '../activities/clients';
import type { Plan, PlannedAction } from '../activities/destination/plan/plan';
import { planCycle } from '../activities/destination/plan/plan-cycle';
import { forManyRequests } from '../concurrency/abort';
import type { Config } from '../config/schema';
import { NotInStepError, UsageError } from '../errors';
import type { SyncInfo } from '../sync-info/sync-info';
import { shortSet } from './consent';
import { load, print, type Options } from './options';
import { firstLines, pasted } from './text';

/** `vsync plan`: what a cycle would do now. Changes nothing. @throws NotInStepError if that is anything */
export async function showPlan(options: Options): Promise<void> {
  if (options['applyOrphans'] === true)
    throw new UsageError(
      'vsync plan has no option --apply-orphans any more, because a plan changes nothing: read the plan, then run ' +
        '"vsync prune --orphans --set HASH -c FILE" with the set that it shows',
    );
  await withPlan(load(options, 'destination'), (plan) => {
    if (options['json'] === true) console.log(JSON.stringify(plan, null, 2));
    else print(formatPlan(plan));
    const left = whatIsLeft(plan);
    if (left !== undefined) throw new NotInStepError(`${plan.name} is not in step with its origin: ${left}`);
  });
}

export async function withPlan(
  config: Config,
  work: (plan: Plan, info: SyncInfo) => Promise<void> | void,
): Promise<void> {
  const clients = await createClients(config);
  try {
    if (clients.role !== 'destination') return;
    const signal = forManyRequests(new AbortController().signal);
    await work(await planCycle(clients.deps, signal), clients.deps.info);
  } finally {
    await clients.close();
  }
}

const TITLES: Readonly<Record<PlannedAction, string>> = {
  add: 'add',
  update: 'update',
  compare: 'compare, and write if the values differ',
  settings: 'copy the settings',
  delete: 'soft-delete',
  hold: 'keep at the destination',
  refuse: 'refuse: not copied',
};

/** What a cycle has to do, or cannot do; undefined if nothing. What is retained on purpose and orphans are in step. */
export function whatIsLeft({ planned, held }: Pick<Plan, 'planned' | 'held'>): string | undefined {
  const counts = (Object.keys(TITLES) as PlannedAction[])
    .filter((action) => action !== 'hold')
    .map((action) => [action, planned.filter((entry) => entry.action === action).length] as const)
    .filter(([, count]) => count > 0)
    .map(([action, count]) => `${action} ${count}`);
  if (held !== undefined) counts.push(`held ${held.count}`);
  return counts.length === 0 ? undefined : counts.join(', ');
}

export function formatPlan({ name, planned, held, orphans, orphansHash, notes }: Plan): string {
  const lines = [`what a cycle of ${name} would do now:`, ...notes.map((note) => `  note: ${note}`)];
  for (const [action, title] of Object.entries(TITLES)) {
    const those = planned.filter((entry) => entry.action === action);
    if (those.length === 0) continue;
    const rows = those.map(
      ({ path, to, why }) => `    ${pasted(path)}${to === undefined ? '' : ` -> ${pasted(to)}`}  (${why})`,
    );
    lines.push(`  ${title}: ${those.length}`, ...firstLines(rows));
  }
  if (held !== undefined)
    lines.push(`  ${held.count} deletes wait for: vsync approve --set ${shortSet(held.hash)} -c FILE`);
  if (planned.length === 0) lines.push('  nothing');
  if (orphans.length > 0) {
    const until =
      orphansHash === undefined
        ? '    they are kept; the next cycle changes this list: plan again after it'
        : `    they are kept until: vsync prune --orphans --set ${shortSet(orphansHash)} -c FILE`;
    const title = `  orphans, left by an earlier configuration: ${orphans.length}`;
    lines.push(title, ...firstLines(formatOrphans(orphans)), until);
  }
  return lines.join('\n');
}

/** One line for each. */
export function formatOrphans(orphans: Plan['orphans']): string[] {
  return orphans.map(({ at, of, since }) => `    ${pasted(at)}  (copied for ${pasted(of)}; since ${since})`);
}
