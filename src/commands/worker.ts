import { describeForeign, foreignVariables } from '../config/foreign-environment';
import type { Config } from '../config/schema';
import type { Role } from '../names';
import { start } from '../starter';
import { createLog } from '../telemetry/log';
import { createWorkers, installRuntime } from '../worker';
import { withClients } from './connections';
import { load, warn, type Options } from './options';
import { describeStart } from './schedule';

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
