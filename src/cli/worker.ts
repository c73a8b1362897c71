import { describeForeign, foreignVariables } from '../migrate/foreign-environment';
import type { Loaded } from '../config/load';
import type { Role } from '../contract/ids';
import { start } from '../temporal/operations';
import { createLog } from '../log';
import { createWorkers, installRuntime } from '../worker/create-workers';
import { withClients } from './connections';
import { loadWithWarnings, warn, type Options } from './options';
import { describeStart } from './schedule';

export async function serve(role: Role, options: Options): Promise<void> {
  const loaded = loadWithWarnings(options, undefined, role);
  const { config } = loaded;
  warn(foreignVariables(process.env).map(describeForeign));
  const log = createLog(config.log);
  logWarnings(log, [loaded]);
  installRuntime({ log });
  const started = await withClients(config, (client, clients) =>
    start(client, clients, { adopt: options['adopt'] === true }),
  );
  log.info(describeStart(started));
  const worker = await createWorkers([config], { log });
  await worker.run();
  log.info('stopped: what was under way goes on when a worker is back');
}

export async function runWorkers(loaded: readonly Loaded[]): Promise<void> {
  const configs = loaded.map(({ config }) => config);
  const [first] = configs;
  if (first === undefined) return;
  const log = createLog(first.log);
  logWarnings(log, loaded);
  installRuntime({ log });
  const worker = await createWorkers(configs, { log });
  await worker.run();
}

/** They are printed too, but a worker's log is what is kept. */
function logWarnings(log: ReturnType<typeof createLog>, loaded: readonly Loaded[]): void {
  for (const { config, warnings } of loaded)
    for (const warning of warnings) log.warn({ name: config.name }, warning);
}
