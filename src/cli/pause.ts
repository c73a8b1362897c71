import { setPaused } from '../temporal/operations';
import { pauseNote } from '../temporal/pause-note';
import { withTemporal } from './connections';
import { fileOf, load, type Options } from './options';
import { warnWithoutWorker } from './waiting';

/** `vsync pause`: neither the tick nor the watch starts a cycle. */
export async function pause(options: Options): Promise<void> {
  const { name, already } = await set(true, options);
  console.log(
    `${name} ${already ? 'was paused already' : 'is paused'}: no cycle starts automatically; a running one ` +
      `continues. Resume with: vsync resume -c ${fileOf(options)}`,
  );
}

/** `vsync resume`: ends a pause. */
export async function resume(options: Options): Promise<void> {
  const { name, already } = await set(false, options);
  console.log(already ? `${name} was not paused` : `${name} is resumed: the next cycle catches up`);
}

async function set(paused: boolean, options: Options): Promise<{ name: string; already: boolean }> {
  const config = load(options);
  const { reason = `vsync ${paused ? 'pause' : 'resume'}` } = options;
  const note = paused ? pauseNote(String(reason), new Date()) : String(reason);
  return withTemporal(config, async (client) => {
    const { already } = await setPaused(client, config, paused, note);
    if (!paused) await warnWithoutWorker(client, config, options);
    return { name: config.name, already };
  });
}
