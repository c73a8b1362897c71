import type { Config } from '../config/schema';
import { describeForeign, foreignVariables } from '../migrate/foreign-environment';
import { start } from '../temporal/operations';
import { withClients } from './connections';
import { load, warn, type Options } from './options';
import { warnIfWithoutWorker } from './waiting';

/** `vsync start`: the schedule and the watch, and a first cycle. */
export async function startOnly(options: Options): Promise<void> {
  const config = load(options);
  warnOfForeign();
  const started = await startSync(config, options);
  console.log(started);
  await warnIfWithoutWorker(config, options);
}

export function warnOfForeign(): void {
  warn(foreignVariables(process.env).map(describeForeign));
}

/** @returns what was started, in a line */
export async function startSync(config: Config, options: Options): Promise<string> {
  const { scheduleId, schedule, paused } = await withClients(config, (client, clients) =>
    start(client, clients, { adopt: options['adopt'] === true }),
  );
  return `schedule ${scheduleId} ${schedule}${paused ? ' (it is paused, and stays paused)' : ', first cycle requested'}`;
}
