import type { Plan } from '../activities/destination/plan/plan';
import { UserError } from '../errors';
import { readDestinationState } from '../sync-info/state';
import { assertOwnName } from '../temporal/ownership';
import { changeState, type Approvable } from './approve';
import { withTemporal } from './connections';
import { ask, consentOf, isNamed, shortSet } from './consent';
import { load, type Options } from './options';
import { formatOrphans, withPlan } from './plan';
import { requestCycle } from './trigger';

/** `vsync prune --orphans`: has a cycle delete the orphans that the plan lists. */
export async function pruneOrphans(options: Options): Promise<void> {
  const config = load(options, 'destination');
  const consent = consentOf(options, 'vsync prune');
  await withTemporal(config, (client) => assertOwnName(client, config));
  await withPlan(config, async (plan, info) => {
    const hash = orphansSet(plan);
    const { length } = plan.orphans;
    if (consent.kind === 'ask') {
      console.log([...formatOrphans(plan.orphans), `${length} orphans, set ${shortSet(hash)}`].join('\n'));
      await ask(`Soft-delete these ${length} secrets of ${config.name}?`);
    }
    await approveOrphans({ info, name: config.name }, plan, consent.kind === 'set' ? consent.set : hash);
    if (consent.kind !== 'ask') console.log(formatOrphans(plan.orphans).join('\n'));
    console.log(`approved: ${length} orphans, to be soft-deleted`);
  });
  await requestCycle(config, options);
}

/** The name of a plan's list of orphans. @throws UserError if it is empty, or if the next cycle changes it first */
export function orphansSet({ orphans, orphansHash }: Plan): string {
  if (orphans.length === 0) throw new UserError('there are no orphans: nothing to remove');
  if (orphansHash !== undefined) return orphansHash;
  throw new UserError(
    'the configuration was changed: let a cycle run, read the plan again, and repeat this command',
  );
}

/** Approves exactly the orphans that were shown. @throws UserError as orphansSet does, and if the plan lists others */
export async function approveOrphans(at: Approvable, plan: Plan, set: string): Promise<void> {
  const { orphans } = plan;
  const orphansHash = orphansSet(plan);
  if (!isNamed(orphansHash, set)) {
    throw new UserError(
      `the list of orphans has changed: ${orphans.length} now. See it with "vsync plan -c FILE", and remove ` +
        `them with: vsync prune --orphans --set ${shortSet(orphansHash)} -c FILE`,
    );
  }
  await changeState(at, readDestinationState, (state) => [
    { ...state, orphans: { count: orphans.length, approved: orphansHash } },
    undefined,
  ]);
}
