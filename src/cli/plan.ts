import { createClients } from '../activities/clients';
import type { Plan, PlannedAction } from '../activities/destination/plan/plan';
import { planCycle } from '../activities/destination/plan/plan-cycle';
import { forManyRequests } from '../concurrency/abort';
import type { Config } from '../config/schema';
import { NotInStepError, UsageError } from '../errors';
import type { SyncInfo } from '../sync-info/sync-info';
import { shortSet } from './consent';
import { load, print, type Options } from './options';
import { formatOf, jsonLines, resultScreen, type Format } from './output';
import { differenceLines, githubComment, sumsOf, type Difference, type Fate } from './signs';
import { PLAIN, wrapped, type Screen } from './status/layout';
import { firstLines, pasted } from './text';

/** `vsync plan`: what a cycle would do now. Changes nothing. @throws NotInStepError if that is anything */
export async function showPlan(options: Options): Promise<void> {
  if (options['applyOrphans'] === true)
    throw new UsageError(
      'vsync plan has no option --apply-orphans any more, because a plan changes nothing: read the plan, then run ' +
        '"vsync prune --orphans --set HASH -c FILE" with the set that it shows',
    );
  await withPlan(load(options, 'destination'), (plan) => {
    printPlan(plan, formatOf(options));
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

const FATE_OF: Readonly<Record<PlannedAction, Fate>> = {
  add: 'add',
  update: 'update',
  compare: 'update',
  settings: 'update',
  delete: 'delete',
  hold: 'held',
  unknown: 'unknown',
  refuse: 'refused',
};

/** What else the sign does not show. */
const HOW: Partial<Record<PlannedAction, string>> = {
  compare: 'to compare, and to write if the values differ: ',
  settings: 'only its settings: ',
};

function differencesOf({ planned }: Pick<Plan, 'planned'>): Difference[] {
  return planned.map(({ action, path, to, why }) => ({
    fate: FATE_OF[action],
    path: pasted(path),
    to: to === undefined ? undefined : pasted(to),
    why: `${HOW[action] ?? ''}${why}`,
  }));
}

/** What a cycle has to do, or cannot do; undefined if nothing. What is retained on purpose and orphans are in step. */
export function whatIsLeft(plan: Pick<Plan, 'planned' | 'held'>): string | undefined {
  const isInStep = plan.held === undefined && plan.planned.every(({ action }) => FATE_OF[action] === 'held');
  return isInStep ? undefined : sumsOf(differencesOf(plan));
}

/** As of when the plan is. */
function basisOf({ originAt, config }: Plan['asOf']): string {
  const at = originAt === undefined ? 'without a recorded change' : `as changed last at ${originAt}`;
  return `the origin's sync info ${at}, configuration ${config.slice(0, CONFIG_DIGITS)}`;
}

/** Enough to see that it is another one. */
const CONFIG_DIGITS = 12;

/** What an operator has to decide. */
function waiting({ held, orphans, orphansHash }: Plan): string[] {
  const deletes =
    held && `${held.count} deletes wait for: vsync approve --set ${shortSet(held.hash)} -c FILE`;
  const until =
    orphansHash === undefined
      ? 'the next cycle changes this list: plan again after it'
      : `they are kept until: vsync prune --orphans --set ${shortSet(orphansHash)} -c FILE`;
  const left =
    orphans.length === 0
      ? undefined
      : `${orphans.length} orphans, left by an earlier configuration; ${until}`;
  return [deletes, left].filter((text) => text !== undefined);
}

export function formatPlan(plan: Plan, screen: Screen = PLAIN): string {
  const { name, asOf, planned, orphans, notes } = plan;
  const differences = differencesOf(plan);
  return [
    `what a cycle of ${name} would do now`,
    ...wrapped(screen, `as of: ${basisOf(asOf)}`, 9, '  '),
    ...notes.flatMap((note) => wrapped(screen, `note: ${note}`, 8, '  ')),
    ...differenceLines(differences, screen),
    ...(planned.length === 0 ? ['  nothing'] : []),
    ...firstLines(formatOrphans(orphans, screen)),
    ...waiting(plan).flatMap((text) => wrapped(screen, text, 4, '  ')),
    sumsOf(differences),
  ].join('\n');
}

/** A plan as a comment on a pull request. */
export function planComment(plan: Plan): string {
  const differences = differencesOf(plan);
  const about = [`As of: ${basisOf(plan.asOf)}.`, ...plan.notes, ...waiting(plan)];
  return githubComment({ title: `vsync plan: ${plan.name}`, sums: sumsOf(differences), about, differences });
}

function printPlan(plan: Plan, format: Format): void {
  const { planned, ...rest } = plan;
  switch (format) {
    case 'human':
      print(formatPlan(plan, resultScreen()));
      break;
    case 'github':
      print(planComment(plan));
      break;
    case 'json':
      console.log(JSON.stringify(plan, null, 2));
      break;
    case 'jsonl':
      console.log(jsonLines([...planned, rest]));
  }
}

/** One text for each. */
export function formatOrphans(orphans: Plan['orphans'], screen: Screen = PLAIN): string[] {
  return orphans.map(({ at, of, since }) =>
    wrapped(screen, `${pasted(at)}  (orphan: copied for ${pasted(of)}; since ${since})`, 6, '  # ').join(
      '\n',
    ),
  );
}
