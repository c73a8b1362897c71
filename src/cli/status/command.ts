import { UserError } from '../../errors';
import { assertOwnName } from '../../temporal/ownership';
import { withInfo, withTemporal } from '../connections';
import { load, warn, type Options } from '../options';
import { readStatus } from './read-status';
import { formatStatus } from './screen';

/** `vsync status`: what the last cycles did, and what waits for an operator. */
export async function showStatus(options: Options): Promise<void> {
  const config = load(options);
  const status = await withInfo(config, (info) =>
    withTemporal(config, async (client) => {
      // Nothing is changed here: what belongs to another sync is shown too, with a warning.
      await assertOwnName(client, config).catch((error: unknown) => {
        if (!(error instanceof UserError)) throw error;
        warn([error.message]);
      });
      return readStatus(client, config, info);
    }),
  );
  console.log(options['json'] === true ? JSON.stringify(status, null, 2) : formatStatus(status));
}
