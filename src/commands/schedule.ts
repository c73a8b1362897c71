import { describeForeign, foreignVariables } from '../config/foreign-environment';
import { start, stop, type Started } from '../starter';
import { UserError } from '../user-error';
import { withClients, withTemporal } from './connections';
import { fileOf, load, warn, type Options } from './options';

export async function startOnly(options: Options): Promise<void> {
  const config = load(options);
  warn(foreignVariables(process.env).map(describeForeign));
  const started = await withClients(config, (client, clients) =>
    start(client, clients, { adopt: options['adopt'] === true }),
  );
  console.log(`${describeStart(started)}; its work needs a worker: vsync worker -c ${fileOf(options)}`);
}

/** What `start` did, for users. */
export function describeStart({ scheduleId, schedule, paused }: Started): string {
  return `schedule ${scheduleId} ${schedule}${paused ? ' (it is paused, and stays so)' : ', first cycle asked for'}`;
}

export async function stopAll(options: Options): Promise<void> {
  const config = load(options);
  const { schedule, watch, cycles } = await withTemporal(config, (client) => stop(client, config));
  const removed = [schedule && 'schedule', watch && 'watch'].filter((what) => what !== false);
  if (removed.length === 0)
    throw new UserError(`nothing to stop: ${config.name} has neither schedule nor watch`);
  const running = cycles === 0 ? '' : ', and cancelled the cycle that was running';
  console.log(`removed ${removed.join(' and ')} of ${config.name}${running}; sync info and secrets stay`);
}
