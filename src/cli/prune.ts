import { assertOwnName } from '../temporal/ownership';
import { approveOrphans, orphansSet } from './approvals';
import { withTemporal } from './connections';
import { ask, consentOf, shortSet } from './consent';
import { load, type Options } from './options';
import { formatOrphans, withPlan } from './plan';
import { requestCycle } from './trigger';

/** `vsync prune --orphans`: has a cycle delete the orphans that the plan lists. */
export async function pruneOrphans(options: Options): Promise<void> {
  const config = load(options, undefined, 'destination');
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
