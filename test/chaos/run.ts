import { UserError } from '../../src/errors';
import type { Judge } from './judge';
import type { Model } from './model';
import { ALL_NAMES } from './names';
import type { OriginUser } from './origin-user';
import { isExcluded, type Settings } from './settings';
import type { Role, World } from './world';

/** The parts of a run. */
export interface Run {
  readonly world: World;
  readonly model: Model;
  readonly judge: Judge;
  readonly user: OriginUser;
}

/** A random request may have nothing to do. A UserError for that is not a failure. */
export async function orNothing(work: Promise<unknown>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return false;
  }
}

/** Runs a cycle, and passes its end to the judge. */
export async function cycle({ world, judge }: Run, role: Role): ReturnType<World['cycle']> {
  const outcome = await world.cycle(role);
  if (outcome === 'failed' || outcome === 'partial' || outcome === 'timed-out') judge.since.disturbed = true;
  if (role === 'destination' && (outcome === 'synced' || outcome === 'unchanged' || outcome === 'held'))
    judge.cycleEnded();
  return outcome;
}

export async function configure({ world, judge }: Run, change: Partial<Settings>): Promise<void> {
  const { since } = judge;
  const next: Settings = { ...world.settings, ...change };
  since.disturbed = true;
  for (const name of ALL_NAMES) if (isExcluded(next, name)) since.excluded.add(name);
  if (next.onConflict === 'keep') since.keeping = true;
  if (next.layout !== world.settings.layout) since.moved = true;
  const moves = next.layout !== world.settings.layout;
  await world.configure(next);
  if (moves) judge.claimsHold = false;
  if ('maxDeletes' in change) judge.forgetDeletes();
}
