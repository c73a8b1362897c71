import type { Loaded } from '../config/load';
import { createLog, type Logger } from '../log';
import { createWorkers } from '../worker/create-workers';
import { installRuntime } from '../worker/runtime';

/** `vsync worker`: the workers of any number of configurations, in one process. The first one's log counts for all. */
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

/** Warnings are printed too, but a worker's log is what is kept. */
export function logWarnings(log: Logger, loaded: readonly Loaded[]): void {
  for (const { config, warnings } of loaded)
    for (const warning of warnings) log.warn({ name: config.name }, warning);
}
