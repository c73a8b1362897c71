import type { Config } from '../config/schema';
import { setPaused } from '../temporal/operations';
import { withTemporal } from './connections';
import { fileOf, load, type Options } from './options';

/** `vsync pause`: neither the tick nor the watch starts a cycle. */
export async function pause(options: Options): Promise<void> {
  const config = load(options);
  const { already } = await set(config, true, options);
  console.log(
    `${config.name} ${already ? 'was paused already' : 'is paused'}: no cycle starts automatically; a running one ` +
      `continues. Resume with: vsync resume -c ${fileOf(options)}`,
  );
}

/** `vsync resume`: ends a pause. */
export async function resume(options: Options): Promise<void> {
  const config = load(options);
  const { already } = await set(config, false, options);
  console.log(
    already ? `${config.name} was not paused` : `${config.name} is resumed: the next cycle catches up`,
  );
}

function set(config: Config, paused: boolean, { reason }: Options): Promise<{ already: boolean }> {
  const text = typeof reason === 'string' ? reason : `vsync ${paused ? 'pause' : 'resume'}`;
  return withTemporal(config, (client) => setPaused(client, config, paused, text));
}
