import type { Blow, ServerName } from './chaos-servers';
import { approveMounts } from './approve';
import type { Command, Edit, Interruption, Misfortune } from './commands';
import { ALL_NAMES, BULK } from './names';
import { pause, resume } from './pause';
import { configure, cycle, orNothing, type Run } from './run';
import { settle } from './settle';
import type { Role, World } from './world';

/** Performs one command. The judge looks at the destination afterwards. */
export async function perform(run: Run, command: Command): Promise<void> {
  const { world, judge } = run;
  world.note(JSON.stringify(command));
  world.stats.count(`command ${command.what}`);
  await act(run, command);
  await judge.look();
}

async function act(run: Run, command: Command): Promise<void> {
  const { world, judge, user } = run;
  switch (command.what) {
    case 'edit':
      return editAll(run, command.edits);
    case 'bulk':
      await Promise.all(BULK.map((name) => user.step(name, command.step, command.value)));
      return;
    case 'cycle':
      await editAll(run, command.before);
      if (command.publish) await publishFirst(run, command.role);
      plan(run, command.faults);
      await cycle(run, command.role);
      return;
    case 'busy-cycle':
      return busyCycle(run, command);
    case 'zombie':
      return zombie(run, command);
    case 'hand':
      return world.byHand(command.place, command.value ?? undefined);
    case 'damage':
      await editAll(run, command.before);
      await cycle(run, 'origin');
      await world.idle();
      await world.damage();
      await cycle(run, 'destination');
      return;
    case 'configure':
      return configure(run, command.change);
    case 'recreate':
      await user.recreate(
        command.mount,
        ALL_NAMES.filter((name) => !command.without.includes(name)),
        command.value,
      );
      if (!command.cycles) return;
      await cycle(run, 'origin');
      await cycle(run, 'destination');
      return;
    case 'pause':
      return pause(run, command.by);
    case 'resume':
      return resume(run, command.by);
    case 'approve':
      // Only cycles are judged here: an operator would repeat a failed approval.
      world.calm();
      await orNothing(
        world.sync.approve().then(() => {
          judge.approve();
        }),
      );
      return;
    case 'approve-mounts':
      world.calm();
      return approveMounts(run);
    case 'apply-orphans': {
      world.calm();
      const orphans = await world.orphans();
      await orNothing(world.sync.approveOrphans());
      for (const place of orphans) judge.approvedOrphans.add(place);
      return;
    }
    case 'settle':
      return settle(run);
  }
}

/** Gives a destination cycle something to do. With a watch, another cycle would do it at the same time. */
async function publishFirst(run: Run, role: Role): Promise<void> {
  if (role === 'destination' && !run.world.kind.watched) await cycle(run, 'origin');
}

function plan({ world, judge }: Run, faults: readonly Misfortune[]): void {
  if (faults.length > 0) judge.since.disturbed = true;
  for (const { at, ...fault } of faults) world.proxies[at].plan([fault]);
}

async function editAll({ user }: Run, edits: readonly Edit[]): Promise<void> {
  for (const { name, step, value } of edits) await user.step(name, step, value);
}

/** A cycle during which the origin changes and an interruption may happen. */
async function busyCycle(
  run: Run,
  { before, role, faults, at, after, edits, interruption }: Extract<Command, { what: 'busy-cycle' }>,
): Promise<void> {
  const { world } = run;
  await editAll(run, before);
  await publishFirst(run, role);
  plan(run, faults);
  const middle = world.proxies[at].requests(after);
  const running = cycle(run, role);
  // Its end is awaited below. A failure before that must not end the test.
  running.catch(() => undefined);
  await Promise.race([middle, running]);
  await interrupt(run, role, interruption);
  await editAll(run, edits);
  await world.startWorkers();
  await running;
}

async function interrupt({ world, judge }: Run, role: Role, interruption: Interruption): Promise<void> {
  if (interruption === 'none') return;
  judge.since.disturbed = true;
  if (typeof interruption === 'object') return strike(world, interruption);
  world.stats.count(interruption === 'cancel' ? 'cancelled cycles' : `kill of worker: ${interruption}`);
  if (interruption === 'cancel') await world.cancel(role);
  else if (interruption === 'kill-all') await world.stopWorkers('SIGKILL');
  else await world.stopWorkers(interruption === 'kill' ? 'SIGKILL' : 'SIGTERM', 1);
}

/** Long enough for requests to meet the outage, short enough for many outages in a run. */
const OUTAGE_MS = 1_500;

/** An outage of a server during a cycle. Afterwards the server has only what it kept on disk. */
async function strike(world: World, { server, blow }: { server: ServerName; blow: Blow }): Promise<void> {
  const done = await world.servers.strike(server, blow);
  world.stats.count(`${done} of server: ${server}`);
  await new Promise((resolve) => setTimeout(resolve, OUTAGE_MS));
  await world.servers.mend(server, done);
}

/** A worker is killed at a write, and the secret changes before the next worker continues. */
async function zombie(
  run: Run,
  { when, at, first, next }: Extract<Command, { what: 'zombie' }>,
): Promise<void> {
  const { world, judge } = run;
  judge.since.disturbed = true;
  await editAll(run, [first]);
  await cycle(run, 'origin');
  const { held, release } = world.proxies[at].holdNextWrite(when);
  const running = cycle(run, 'destination');
  running.catch(() => undefined);
  const isHeld = await Promise.race([held.then(() => true), running.then(() => false)]);
  if (!isHeld) {
    await release();
    await running;
    return;
  }
  world.stats.count(`kill of worker: ${when} a write`);
  await world.stopWorkers('SIGKILL');
  await editAll(run, [next]);
  await world.startWorkers();
  await running;
  await cycle(run, 'origin');
  await cycle(run, 'destination');
  await world.idle();
  await release();
}
