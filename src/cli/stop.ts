import { syncInfoPath } from '../config/schema';
import { ExplainedError, UserError } from '../errors';
import { stop } from '../temporal/operations';
import { recordStop } from '../temporal/schedule-record';
import { withInfo, withTemporal } from './connections';
import { load, type Options } from './options';

/** `vsync stop`: removes schedule and watch, and cancels a running cycle. */
export async function stopAll(options: Options): Promise<void> {
  const config = load(options);
  const { name } = config;
  const prefix = syncInfoPath(config, config.role);
  let unrecorded: string | undefined;
  const { schedule, watch, cycles } = await withTemporal(config, (client) =>
    stop(client, config, () =>
      // A stop also works while Consul is down.
      withInfo(config, (info) => recordStop(info, name, new Date())).catch((error: unknown) => {
        if (!(error instanceof ExplainedError)) throw error;
        unrecorded = error.message;
      }),
    ),
  );
  const removed = [schedule && 'schedule', watch && 'watch'].filter((what) => what !== false);
  if (removed.length > 0) {
    const running = cycles === 0 ? '' : ', and cancelled the running cycle';
    console.log(`removed ${removed.join(' and ')} of ${name}${running}; sync info and secrets stay`);
    console.log(`to remove the sync info too, end the workers, then: consul kv delete -recurse ${prefix}`);
  }
  if (unrecorded !== undefined)
    throw new UserError(
      `the stop of ${name} could not be recorded (${unrecorded}): a running worker creates the schedule again as soon as ` +
        'it reaches Consul. End the workers, or run this command again when Consul answers',
    );
  if (removed.length === 0) throw new UserError(`nothing to stop: ${name} has neither schedule nor watch`);
}
