import path from 'node:path';
import { freePorts } from '../../servers/start';
import type { AuditDevices } from '../../shared/audit-device';
import type { Measurement } from '../measurement';
import { ratio, summarise, type Summary } from '../results';
import { freshMounts } from '../world';
import { burstOf, changeAtOnce, changeOneByOne } from './feed-changes';
import { hasAll, otherPlan, startOther, vaultSyncFile } from './others';

/** Far from the rounds of vsync: a value that is already there would arrive at once. */
const FIRST_ROUND = 1_000;
const DEVICE = 'other';

/** The same changes with vault-sync, if its executable was given: it copies what its own audit device tells it. */
export async function measureVaultSync(
  measurement: Measurement,
  devices: AuditDevices,
  vsync: { changes: Summary; burst: Summary },
): Promise<void> {
  const { options, world, mounts } = measurement;
  const command = options.versus['vault-sync'];
  if (command === undefined) {
    console.log('not compared with vault-sync: it was not given with --vs');
    return;
  }
  const [port = 0] = await freePorts(1);
  const folder = path.join(world.dir, 'vault-sync-feed');
  await freshMounts(world.destination, mounts);
  const content = { ...vaultSyncFile(await otherPlan(measurement, '')), bind: `127.0.0.1:${port}` };
  const other = await startOther(world, { command, args: ['--config'], folder, content });
  await other.until(() => hasAll(measurement));
  await devices.toSocket(DEVICE, port);
  const changes = await changeOneByOne(measurement, FIRST_ROUND);
  const bursts: number[] = [];
  for (let round = 1; round <= options.rounds; round++)
    bursts.push(await changeAtOnce(measurement, burstOf(measurement, FIRST_ROUND + round)));
  await devices.disable(DEVICE);
  await other.stop();
  measurement.add('feed-change-vs', ratio(vsync.changes, changes));
  measurement.add('feed-burst-vs', ratio(vsync.burst, summarise(bursts)));
}
