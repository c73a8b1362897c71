import { describeForeign, foreignVariables } from '../config/foreign-environment';
import type { Config } from '../config/schema';
import type { Role } from '../names';
import { start, stop, type Started } from '../starter';
import { createLog } from '../telemetry/log';
import { UserError } from '../user-error';
import { createWorkers, installRuntime } from '../worker';
import { withClients, withTemporal } from './connections';
import { fileOf, load, warn, type Options } from './options';

export async function serve(role: Role, options: Options): Promise<void> {
  const config = load(options, undefined, role);
  warn(foreignVariables(process.env).map(describeForeign));
  const log = createLog(config.log);
  installRuntime({ log });
  const started = await withClients(config, (client, clients) =>
    start(client, clients, { adopt: options['adopt'] === true }),
  );
  log.info(describeStart(started));
  const worker = await createWorkers([config], { log });
  await worker.run();
  log.info('stopped: what was under way goes on when a worker is back');
}

export async function runWorkers(configs: Config[]): Promise<void> {
  const [first] = configs;
  if (first === undefined) return;
  const log = createLog(first.log);
  installRuntime({ log });
  const worker = await createWorkers(configs, { log });
  await worker.run();
}

export async function startOnly(options: Options): Promise<void> {
  const config = load(options);
  warn(foreignVariables(process.env).map(describeForeign));
  const started = await withClients(config, (client, clients) =>
    start(client, clients, { adopt: options['adopt'] === true }),
  );
  console.log(`${describeStart(started)}; its work needs a worker: vsync worker -c ${fileOf(options)}`);
}

function describeStart({ scheduleId, schedule, paused }: Started): string {
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
