import { assertDestination, signalOriginChanged } from '../temporal/operations';
import { withTemporal } from './connections';
import { load, type Options } from './options';

/** `vsync signal`: the signal that the watch also gets when the origin's index changes. */
export async function sendSignal(options: Options): Promise<void> {
  const config = load(options);
  assertDestination(config);
  await withTemporal(config, (client) => signalOriginChanged(client, config));
  console.log(`the watch of ${config.name} got the signal; it starts a cycle if the destination is behind`);
}
