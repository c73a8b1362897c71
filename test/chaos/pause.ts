import { cyclesOf } from '../../src/temporal/schedule';
import { cycle, type Run } from './run';
import { Violation } from './violation';
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
export async function pause(run: Run, by: 'command' | 'schedule'): Promise<void> {
  const { world } = run;
  if (pauses.has(world)) return;
  await world.pause(true, by);
  await world.idle();
  await cycle(run, 'destination');
  await world.idle();
  pauses.set(world, { before: await runIds(world), asked: world.stats.of('cycle of destination') });
}

/** Ends a pause. Rule 14 of judge.ts: while it lasted, no cycle ran but those that were asked for. */
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
