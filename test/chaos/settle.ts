import type { Outcome } from '../../src/contract/cycle';
import { approveMounts } from './approve';
import { MOUNTS } from './names';
import { NAMES } from './names';
import { resume } from './pause';
import { configure, cycle, orNothing, type Run } from './run';
import { LONG_TIMEOUT } from './settings';
import { Violation } from './violation';
import type { Standing } from './witness';
import type { Role } from './world';

/** So many secrets change for the last cycle of a feed. */
const HEARD = 3;

const GOOD: ReadonlySet<Outcome> = new Set(['synced', 'unchanged', 'held']);

/**
 * Stops all faults, runs two cycles of each role, and checks everything that is promised afterwards: rules 7 to 12, 15
 * and 16 of judge.ts.
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
  await judgeFeed(run);
  world.note('settled');
  world.stats.count('settled');
}

/** Cycles without a fault until one trusts the feed: lines may be late on a busy machine. */
const TRIES = 5;

/** Rule 16 of judge.ts: nothing is later than one cycle, also if that is no full scan. */
async function judgeFeed(run: Run): Promise<void> {
  const { world, judge, user, model } = run;
  if (world.feedLine === undefined) return;
  for (let left = TRIES; !/^feed pass/.test(world.lastNote.origin ?? ''); left--) {
    if (left === 0)
      throw new Violation('feed', `no cycle of the origin trusts it: ${world.lastNote.origin ?? 'no note'}`);
    await goodCycle(run, 'origin');
  }
  for (const name of NAMES.slice(0, HEARD)) await user.step(name, 'put', `heard ${model.version(name)}`);
  await goodCycle(run, 'origin');
  if (world.lastNote.origin?.startsWith('feed pass') === true) world.stats.count('feed passes judged');
  await goodCycle(run, 'destination');
  await world.idle();
  await judge.converged();
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
  // Workers write the records of schedules, once a minute at most, and those of feeds. The first pass after a full scan
  // stages its own list.
  const ofWorkers = world.feedLine === undefined ? /\/schedule$/ : /\/schedule$|\/origin\/(?:feed|staging)\//;
  const ofCycles = revisions.filter(([key]) => !ofWorkers.test(key));
  return JSON.stringify({ versions: versions.sort(), revisions: ofCycles });
}

/** Counts versions and deletes, so that a delete changes the count too. */
function countOf(versions: Standing['versions']): number {
  return versions.length + versions.filter(({ deletedMs }) => deletedMs !== undefined).length;
}
