import { UserError } from '../../src/user-error';
import { BULK, type Command, type Edit, type Misfortune } from './commands';
import type { Judge } from './judge';
import type { Model } from './model';
import { pause, resume } from './pause';
import { settle } from './settle';
import type { Role, World } from './world';

/** What a run works on. */
export interface Run {
  readonly world: World;
  readonly model: Model;
  readonly judge: Judge;
}

/** Does one command, and looks at the destination after it. */
export async function perform(run: Run, command: Command): Promise<void> {
  const { world, judge } = run;
  world.trace.push(JSON.stringify(command));
  world.stats.count(`command ${command.what}`);
  await act(run, command);
  await judge.look();
}

async function act(run: Run, command: Command): Promise<void> {
  const { world, model, judge } = run;
  switch (command.what) {
    case 'edit':
      return editAll(run, command.edits);
    case 'bulk':
      await Promise.all(BULK.map((name) => world.atOrigin(model, name, command.step, command.value)));
      return;
    case 'cycle': {
      await publishFirst(run, command.role);
      plan(run, command.faults);
      const outcome = await world.cycle(command.role);
      if (outcome === 'failed' || outcome === 'partial' || outcome === 'timed-out')
        judge.since.disturbed = true;
      return;
    }
    case 'busy-cycle':
      return busyCycle(run, command);
    case 'hand':
      return world.byHand(command.place, command.value ?? undefined);
    case 'configure':
      judge.since.disturbed = true;
      if ('moveTeamTo' in command.change) judge.since.moved = true;
      if (command.change.excluded !== undefined) judge.since.excluded.add(command.change.excluded);
      return world.configure({ ...world.settings, ...command.change });
    case 'pause':
      return pause(world);
    case 'resume':
      return resume(world);
    case 'approve':
      await world.sync.approve().catch((error: unknown) => {
        if (!(error instanceof UserError)) throw error;
      });
      return;
    case 'settle':
      return settle(world, judge);
  }
}

/** Gives a cycle of the destination something to do: with a watch, another would do it at the same time. */
async function publishFirst({ world }: Run, role: Role): Promise<void> {
  if (role === 'destination' && !world.watched) await world.cycle('origin');
}

function plan({ world, judge }: Run, faults: readonly Misfortune[]): void {
  if (faults.length > 0) judge.since.disturbed = true;
  for (const { at, ...fault } of faults) world.proxies[at].plan([fault]);
}

async function editAll({ world, model }: Run, edits: readonly Edit[]): Promise<void> {
  for (const { name, step, value } of edits) await world.atOrigin(model, name, step, value);
}

/** A cycle in whose middle the origin changes, and perhaps something worse happens. */
async function busyCycle(
  run: Run,
  { role, faults, at, after, edits, interruption }: Extract<Command, { what: 'busy-cycle' }>,
): Promise<void> {
  const { world, judge } = run;
  await publishFirst(run, role);
  plan(run, faults);
  const middle = world.proxies[at].requests(after);
  const cycle = world.cycle(role);
  await Promise.race([middle, cycle]);
  if (interruption !== 'none') {
    judge.since.disturbed = true;
    world.stats.count(`interruption ${interruption}`);
  }
  if (interruption === 'kill') await world.stopWorker('SIGKILL');
  if (interruption === 'terminate') await world.stopWorker('SIGTERM');
  if (interruption === 'cancel') await world.cancel(role);
  await editAll(run, edits);
  if (interruption === 'kill' || interruption === 'terminate') await world.startWorker();
  await cycle;
}
