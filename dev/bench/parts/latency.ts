import { DEFAULT_SECRETS_AT_ONCE, MAX_VAULT_REQUESTS } from '../../../src/limits';
import { makePaths, SECRETS_PER_FOLDER, type MountData } from '../../shared/sample-secrets';
import { expectCycle, MAX_DISTANT_SECRETS, type Measurement } from '../measurement';
import { Rounds } from '../results';
import { fillOrigin, freshMounts } from '../world';

const MOUNT = 'distant/';
const DELAYS_MS = [10, 50];

/** Cycles with distant Vaults and without `numWorkers`, so that vsync adapts, and the floor with the most requests. */
export async function measureLatency(measurement: Measurement): Promise<void> {
  const { options, world } = measurement;
  const secrets = Math.min(options.secrets, MAX_DISTANT_SECRETS);
  const folders = Math.ceil(secrets / SECRETS_PER_FOLDER);
  const data = makePaths({ mount: MOUNT, secrets, folders, seed: options.seed });
  await fillOrigin(world, data, options.seed);
  for (const delayMs of DELAYS_MS) await measureAt(measurement, delayMs, data);
}

async function measureAt(measurement: Measurement, delayMs: number, data: MountData): Promise<void> {
  const { options, world } = measurement;
  const secrets = data.paths.length;
  const mounts = [MOUNT];
  const [proxy, addresses] = await measurement.distantVaults(delayMs);
  const from = { address: addresses.origin, token: world.origin.token };
  const to = { address: addresses.destination, token: world.destination.token };
  const floor = measurement.helper('floor');
  const plan = { name: `distant-${delayMs}`, mounts, numBuckets: options.numBuckets, addresses };
  const [origin] = await measurement.publish(plan, secrets);
  const rounds = new Rounds<'scan' | 'floorScan' | 'copy' | 'floorCopy'>();
  for (let round = 1; round <= options.rounds; round++) {
    const cycle = await origin.cycle();
    expectCycle(cycle, 'unchanged', { read: secrets });
    const scan = await floor.do({ kind: 'scan', origin: from, mounts, inFlight: MAX_VAULT_REQUESTS });
    await freshMounts(world.destination, mounts);
    const work = { kind: 'copy', origin: from, destination: to, data: [data] } as const;
    const copy = await floor.do({ ...work, inFlight: DEFAULT_SECRETS_AT_ONCE });
    const name = `${plan.name}-${round}`;
    const [destination, copied] = await measurement.firstCopy({ ...plan, name }, origin, secrets);
    await destination.stop();
    rounds.add({ scan: cycle.ms, floorScan: scan.ms, copy: copied.ms, floorCopy: copy.ms });
    world.say(`${delayMs} ms away, round ${round}: scan ${cycle.ms} ms, first copy ${copied.ms} ms`);
  }
  await Promise.all([origin.stop(), floor.stop(), proxy.stop()]);
  const common = { secrets, details: { delayMs } };
  measurement.add(`distant-${delayMs}-scan`, { ...common, ...rounds.ratio('scan', 'floorScan') });
  measurement.add(`distant-${delayMs}-copy`, { ...common, ...rounds.ratio('copy', 'floorCopy') });
}
