import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { freePorts } from '../../servers/start';
import type { AuditDevices } from '../../shared/audit-device';
import type { Measurement } from '../measurement';
import { Rounds, type Summary } from '../results';
import { freshMounts } from '../world';
import { burstOf, changeAtOnce, changeOneByOne } from './feed-changes';
import { hasAll, otherAccess, startOther, vaultSyncFile } from './others';

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
    world.say('not compared with vault-sync: it was not given with --vs');
    return;
  }
  const [port = 0] = await freePorts(1);
  const folder = path.join(world.dir, 'vault-sync-feed');
  mkdirSync(folder);
  await freshMounts(world.destination, mounts);
  const { numBuckets, inFlight } = options;
  const access = {
    origin: await otherAccess(world.origin),
    destination: await otherAccess(world.destination),
  };
  const plan = { ...access, consul: world.consul, mounts, numBuckets, inFlight, syncPath: '' };
  const content = { ...vaultSyncFile(plan), bind: `127.0.0.1:${port}` };
  const other = await startOther(measurement, { command, args: ['--config'], folder, content });
  await other.until(() => hasAll(measurement));
  await devices.toSocket(DEVICE, port);
  const changes = await changeOneByOne(measurement, FIRST_ROUND);
  const burst = new Rounds<'ms'>();
  for (let round = 1; round <= options.rounds; round++)
    burst.add({ ms: await changeAtOnce(measurement, burstOf(measurement, FIRST_ROUND + round)) });
  await devices.disable(DEVICE);
  await other.stop();
  for (const [id, ours, floor] of [
    ['feed-change-vs', vsync.changes, changes],
    ['feed-burst-vs', vsync.burst, burst.of('ms')],
  ] as const)
    measurement.add(id, { value: ours.median / floor.median, ours, floor });
}
