import type { Loaded } from '../config/load';
import type { Role } from '../contract/ids';
import { createLog, type Logger } from '../log';
import { isAway, untilBack } from '../worker/away';
import { createWorkers } from '../worker/create-workers';
import { boundGarbage, boundYoungGeneration } from '../worker/heap';
import { installRuntime } from '../worker/runtime';
import { loadWithWarnings, withFile, type Options } from './options';
import { startSync, warnOfForeign } from './start';

/** `vsync worker`: the workers of any number of configurations, in one process. The first one's log counts for all. */
export async function runWorkers(options: Options): Promise<void> {
  const files = options['config'] as string[];
  await run(files.map((file) => ({ ...loadWithWarnings(options, undefined, file), file })));
}

/** `vsync origin` and `vsync destination`: `start`, and then `worker` in the same process. */
export async function serve(role: Role, options: Options): Promise<void> {
  const loaded = loadWithWarnings(options, role);
  warnOfForeign();
  const file = options['config'] as string | undefined;
  await run([{ ...loaded, file }], () => startSync(loaded.config, options));
}

type FromFile = Loaded & { file: string | undefined };

/** Of the syncs with this name: an origin and a destination may have the same. */
function filesOf(loaded: readonly FromFile[], name: unknown): Set<string> {
  const own = loaded.filter(({ config }) => name === undefined || config.name === name);
  return new Set(own.flatMap(({ file }) => file ?? []));
}

/** A supervisor may start this process before the Vaults are unsealed. A signal ends the process. */
async function startWhenThere(start: () => Promise<string>, log: Logger): Promise<string> {
  try {
    return await start();
  } catch (error) {
    if (!isAway(error)) throw error;
    const { signal } = new AbortController();
    return (await untilBack(error, start, { log, signal })) ?? '';
  }
}

/** @param start is called before the work; returns what it started, in a line */
async function run(loaded: readonly FromFile[], start?: () => Promise<string>): Promise<void> {
  const configs = loaded.map(({ config }) => config);
  const [first] = configs;
  if (first === undefined) return;
  const log = createLog(first.log, (text, name) => withFile(text, filesOf(loaded, name)));
  // Warnings are printed too, but a worker's log is what is kept.
  for (const { config, warnings } of loaded)
    for (const warning of warnings) log.warn({ name: config.name }, warning);
  boundGarbage();
  installRuntime({ log });
  if (start !== undefined) log.info(await startWhenThere(start, log));
  const worker = await createWorkers(configs, { log });
  boundYoungGeneration();
  await worker.run();
  if (start !== undefined) log.info('stopped: the next worker continues what was running');
}
