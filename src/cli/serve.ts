import type { Role } from '../contract/ids';
import { createLog } from '../log';
import { describeForeign, foreignVariables } from '../migrate/foreign-environment';
import { start } from '../temporal/operations';
import { createWorkers } from '../worker/create-workers';
import { installRuntime } from '../worker/runtime';
import { withClients } from './connections';
import { loadWithWarnings, warn, type Options } from './options';
import { describeStart } from './start';
import { logWarnings } from './worker';

/** `vsync origin` and `vsync destination`: `start`, and then `worker` in the same process. */
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
  log.info('stopped: the next worker continues what was running');
}
