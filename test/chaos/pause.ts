import { cyclesOf } from '../../src/temporal/schedule';
import { cycle, type Run } from './run';
import { Violation } from './violation';
import type { World } from './world';

/** Number of actions that Temporal remembers of a schedule. */
const REMEMBERED = 10;

interface Pause {
  /** Run ids of the cycles before the pause. */
  readonly before: ReadonlySet<string>;
  /** Number of cycles of the destination that the test requested before the pause. */
  readonly asked: number;
}

const pauses = new WeakMap<World, Pause>();

/** Pauses the destination's schedule. Cycles that were requested before have ended when it returns. */
export async function pause(run: Run, by: 'command' | 'schedule'): Promise<void> {
  const { world } = run;
  if (pauses.has(world)) return;
  await world.pause(true, by);
  await world.idle();
  await cycle(run, 'destination');
  await world.idle();
  pauses.set(world, { before: await runIds(world), asked: world.stats.of('cycle of destination') });
}

/** Ends a pause, and checks rule 14 of judge.ts: during the pause, only requested cycles ran. */
export async function resume({ world }: Run, by: 'command' | 'schedule'): Promise<void> {
  const paused = pauses.get(world);
  pauses.delete(world);
  if (paused !== undefined) {
    const asked = world.stats.of('cycle of destination') - paused.asked;
    const ran = [...(await runIds(world))].filter((runId) => !paused.before.has(runId)).length;
    if (ran !== Math.min(asked, REMEMBERED))
      throw new Violation('pause', `${asked} cycles were asked for, and ${ran} ran`);
    world.stats.count('pauses judged');
  }
  await world.pause(false, by);
}

async function runIds({ sync }: World): Promise<Set<string>> {
  return new Set(cyclesOf(await sync.schedule('destination').describe()).map(({ runId }) => runId));
}
