import { describeForeign, foreignVariables } from '../migrate/foreign-environment';
import { start, type Started } from '../temporal/operations';
import { withClients } from './connections';
import { fileOf, load, warn, type Options } from './options';

/** `vsync start`: the schedule and the watch, and a first cycle. */
export async function startOnly(options: Options): Promise<void> {
  const config = load(options);
  warn(foreignVariables(process.env).map(describeForeign));
  const started = await withClients(config, (client, clients) =>
    start(client, clients, { adopt: options['adopt'] === true }),
  );
  console.log(`${describeStart(started)}; cycles need a worker: vsync worker -c ${fileOf(options)}`);
}

/** What `start` did, in a line. */
export function describeStart({ scheduleId, schedule, paused }: Started): string {
  return `schedule ${scheduleId} ${schedule}${paused ? ' (it is paused, and stays paused)' : ', first cycle requested'}`;
}
