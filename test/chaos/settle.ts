import type { Outcome } from '../../src/contract/cycle';
import { approveMounts } from './approve';
import { MOUNTS } from './names';
import { resume } from './pause';
import { configure, cycle, orNothing, type Run } from './run';
import { LONG_TIMEOUT } from './settings';
import { Violation } from './violation';
import type { Standing } from './witness';
import type { Role } from './world';

const GOOD: ReadonlySet<Outcome> = new Set(['synced', 'unchanged', 'held']);

/**
 * Stops all faults, runs two cycles of each role, and checks everything that is promised afterwards: rules 7 to 12 and
 * 15 of judge.ts.
 */
export async function settle(run: Run): Promise<void> {
  const { world, judge } = run;
  const { sync } = world;
  world.calm();
  await world.startWorkers();
  if (world.settings.timeout !== LONG_TIMEOUT) await configure(run, { timeout: LONG_TIMEOUT });
  await resume(run, 'command');
  await world.idle();
  await proveMounts(run);
  for (let round = 1; round <= 2; round++) {
    await goodCycle(run, 'origin');
    await world.idle();
    const before = await judge.look();
    await goodCycle(run, 'destination');
    judge.collisionsStood(before, await judge.look());
    if (!(await orNothing(sync.approve()))) continue;
    if (round === 2) throw new Violation('words', 'deletes wait again after they were approved');
    judge.approve();
    world.stats.count('approvals');
  }
  await world.idle();
  if (world.hands.touched.size > 0) {
    // Only a verify finds manual changes. Everything else must be right without it.
    await judge.equalElsewhere();
    await sync.repair();
    world.stats.count('repairs');
  }
  await judge.converged();

  // The watch has finished its work, so nothing may be written from here on.
  await world.idle();
  const before = await everything(run);
  await goodCycle(run, 'origin');
  await goodCycle(run, 'destination');
  const after = await everything(run);
  if (after !== before)
    throw new Violation('quiet', `a cycle without changes wrote: ${before} became ${after}`);
  world.note('settled');
  world.stats.count('settled');
}

/** Approves the re-created mounts, after cycles of both roles have reported them. */
async function proveMounts(run: Run): Promise<void> {
  const { world, model, judge } = run;
  const unproven = MOUNTS.filter((mount) => !model.isProven(mount));
  if (unproven.length === 0) return;
  for (const role of ['origin', 'destination'] as const) {
    const outcome = await cycle(run, role);
    if (outcome !== 'partial' && outcome !== 'held')
      throw new Violation('words', `a cycle of the ${role} said ${outcome} of a mount that was re-created`);
    await world.idle();
    await judge.look();
  }
  await approveMounts(run);
  const left = unproven.filter((mount) => !model.isProven(mount));
  if (left.length > 0)
    throw new Violation('words', `${left.join(', ')} was re-created, and could not be approved`);
}

async function goodCycle(run: Run, role: Role): Promise<void> {
  const outcome = await cycle(run, role);
  if (GOOD.has(outcome)) return;
  // Two secrets that belong at one place are a failure that remains and is reported by each cycle.
  if (outcome === 'partial' && role === 'destination' && run.judge.collisions().length > 0) {
    run.judge.cycleEnded();
    return;
  }
  throw new Violation('words', `a cycle of the ${role} without faults ended ${outcome}`);
}

/** Versions in Vault and revisions in Consul, of all that cycles write. */
async function everything({ world }: Run): Promise<string> {
  const { sync } = world;
  const versions = [...(await world.view())].map(([place, { versions: all, settings }]) => [
    place,
    countOf(all),
    settings,
  ]);
  const revisions = Object.entries(await sync.consul.revisions(sync.syncPath));
  // Workers write the records of schedules, once a minute at most.
  const ofCycles = revisions.filter(([key]) => !key.endsWith('/schedule'));
  return JSON.stringify({ versions: versions.sort(), revisions: ofCycles });
}

/** Counts versions and deletes, so that a delete changes the count too. */
function countOf(versions: Standing['versions']): number {
  return versions.length + versions.filter(({ deletedMs }) => deletedMs !== undefined).length;
}
