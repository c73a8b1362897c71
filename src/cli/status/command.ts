import type { Client } from '@temporalio/client';
import type { Config } from '../../config/schema';
import { QuietEnd, UserError } from '../../errors';
import { assertOwnName } from '../../temporal/ownership';
import { withTemporal } from '../connections';
import { fileOf, load, warn, type Options } from '../options';
import { exitCodeOf } from './judge';
import { screenOf } from './layout';
import { readStatus } from './read-status';
import { formatStatus } from './screen';

/** `vsync status`: whether everything is in step, what waits for an operator, and what to do next. */
export async function showStatus(options: Options): Promise<void> {
  const config = load(options);
  const status = await withTemporal(config, async (client) => {
    await warnOfOtherSync(client, config);
    return readStatus(client, config, { file: fileOf(options) });
  });
  const screen = screenOf(process.stdout, process.env);
  console.log(options['json'] === true ? JSON.stringify(status, null, 2) : formatStatus(status, screen));
  const code = exitCodeOf(status);
  if (code !== 0) throw new QuietEnd(code);
}

/** Nothing is changed by a status: what belongs to another sync is shown too. */
async function warnOfOtherSync(client: Client, config: Config): Promise<void> {
  try {
    await assertOwnName(client, config);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    warn([error.message]);
  }
}
