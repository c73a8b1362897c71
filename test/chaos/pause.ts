import { cyclesOf } from '../../src/starter';
import { Violation } from './judge';
import type { World } from './world';

/** As many as Temporal remembers of a schedule. */
const REMEMBERED = 10;

interface Pause {
  /** Run ids of the cycles that there were when it began. */
  readonly before: ReadonlySet<string>;
  /** Cycles of the destination that the test asked for, until then. */
  readonly asked: number;
}

const pauses = new WeakMap<World, Pause>();

/** Pauses the destination's schedule. What was asked for just before is over when it returns. */
export async function pause(world: World): Promise<void> {
  if (pauses.has(world)) return;
  await world.sync.schedule('destination').pause();
  await world.idle();
  await world.cycle('destination');
  await world.idle();
  pauses.set(world, { before: await runIds(world), asked: world.stats.of('cycle of destination') });
}

/** Ends a pause. While it lasted, no cycle ran but those that were asked for. */
export async function resume(world: World): Promise<void> {
  const paused = pauses.get(world);
  pauses.delete(world);
  if (paused !== undefined) {
    const asked = world.stats.of('cycle of destination') - paused.asked;
    const ran = [...(await runIds(world))].filter((runId) => !paused.before.has(runId)).length;
    if (ran !== Math.min(asked, REMEMBERED))
      throw new Violation(`in a pause, ${asked} cycles were asked for, and ${ran} ran`);
    world.stats.count('pauses judged');
  }
  await world.sync.schedule('destination').unpause();
}

async function runIds({ sync }: World): Promise<Set<string>> {
  return new Set(cyclesOf(await sync.schedule('destination').describe()).map(({ runId }) => runId));
}
