import type { Outcome } from '../../src/workflows/messages';
import { destinationView, type Standing } from './destination-view';
import { Violation, type Judge } from './judge';
import { resume } from './pause';
import { LONG_TIMEOUT } from './settings';
import type { World } from './world';

const GOOD: ReadonlySet<Outcome> = new Set(['synced', 'unchanged', 'held']);

/** Stops all faults, lets two cycles of each role run, and holds everything that is promised then against them. */
export async function settle(world: World, judge: Judge): Promise<void> {
  const { sync } = world;
  world.calm();
  if (world.settings.timeout !== LONG_TIMEOUT)
    await world.configure({ ...world.settings, timeout: LONG_TIMEOUT });
  await resume(world);
  await world.idle();
  let outcome: Outcome = 'held';
  for (let round = 1; round <= 2; round++) {
    await goodCycle(world, 'origin');
    outcome = await goodCycle(world, 'destination');
    await judge.look();
    if (outcome === 'held' && round === 1) {
      await sync.approve();
      world.stats.count('approvals');
    }
  }
  if (outcome === 'held') throw new Violation('deletes wait again after they were approved');
  await judge.converged();

  // Whatever the watch still had to do is done: from here on nothing is written any more.
  await world.idle();
  const before = await everything(world);
  await goodCycle(world, 'origin');
  await goodCycle(world, 'destination');
  const after = await everything(world);
  if (after !== before) throw new Violation(`a cycle without changes wrote: ${before} became ${after}`);
  world.stats.count('settled');
}

async function goodCycle(world: World, role: 'origin' | 'destination'): Promise<Outcome> {
  const outcome = await world.cycle(role);
  if (!GOOD.has(outcome)) throw new Violation(`a cycle of the ${role} without faults ended ${outcome}`);
  return outcome;
}

/** Versions in Vault and revisions in Consul. */
async function everything({ sync }: World): Promise<string> {
  const versions = [...(await destinationView(sync))].map(([place, { versions: all }]): [string, number] => [
    place,
    countOf(all),
  ]);
  return JSON.stringify({ versions: versions.sort(), revisions: await sync.consul.revisions(sync.syncPath) });
}

/** Deleting one changes it too. */
function countOf(versions: Standing['versions']): number {
  return versions.length + versions.filter(({ deletedMs }) => deletedMs !== undefined).length;
}
