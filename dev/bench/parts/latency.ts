import { DEFAULT_SECRETS_AT_ONCE, MAX_VAULT_REQUESTS } from '../../../src/limits';
import { makePaths, SECRETS_PER_FOLDER } from '../data';
import { distantVaults, MAX_DISTANT_SECRETS, type DistantVaults } from '../distance';
import { Helper } from '../helper';
import { besideFloor } from '../rows';
import { BenchSync } from '../sync';
import { fillOrigin, freshMounts } from '../world';
import { expectCycle, type Measurement } from './measurement';

const MOUNT = 'distant/';

const DELAYS_MS = [10, 50] as const;

/**
 * Cycles with both Vaults at a distance and without `numWorkers`, so that the worker finds its number of requests in
 * flight, beside the bare requests with the most that it may find.
 */
export async function measureLatency(measurement: Measurement): Promise<void> {
  const { options, world, say } = measurement;
  const { seed } = options;
  const secrets = Math.min(options.secrets, MAX_DISTANT_SECRETS);
  const data = makePaths({ mount: MOUNT, secrets, folders: Math.ceil(secrets / SECRETS_PER_FOLDER), seed });
  say(`distant Vaults: writing ${secrets} secrets`);
  await fillOrigin(world, data, seed);
  for (const delayMs of DELAYS_MS) {
    const { proxy, addresses } = await distantVaults(world, delayMs);
    await measureAt(measurement, { delayMs, secrets, paths: data.paths, addresses });
    await proxy.stop();
  }
}

interface Distance {
  delayMs: number;
  secrets: number;
  paths: readonly string[];
  /** Of the Vaults, through the proxy. */
  addresses: DistantVaults['addresses'];
}

async function measureAt(
  { options, world, rows, say }: Measurement,
  { delayMs, secrets, paths, addresses }: Distance,
): Promise<void> {
  const { numBuckets, rounds } = options;
  const mounts = [MOUNT];
  const [from, to] = [
    { address: addresses.origin, token: world.origin.token },
    { address: addresses.destination, token: world.destination.token },
  ];
  const floor = Helper.floor();
  world.cleanUps.push(() => floor.stop());
  const plan = { mounts, numBuckets, addresses };
  const origin = new BenchSync(world, 'origin', { ...plan, name: `distant-${delayMs}` });
  await origin.work();
  const [first] = await origin.start();
  expectCycle(first, 'the first cycle of the origin', { outcome: 'synced', counts: { read: secrets } });

  const times = {
    scan: [] as number[],
    bareScan: [] as number[],
    copy: [] as number[],
    bareCopy: [] as number[],
  };
  for (let round = 1; round <= rounds; round++) {
    const scan = await origin.cycle();
    expectCycle(scan, 'an origin cycle', { outcome: 'unchanged', counts: { read: secrets } });
    times.scan.push(scan.ms);
    const bareScan = await floor.do({ kind: 'scan', origin: from, mounts, inFlight: MAX_VAULT_REQUESTS });
    times.bareScan.push(bareScan.ms);

    await freshMounts(world, mounts);
    const data = [{ mount: MOUNT, paths }];
    const bareCopy = await floor.do({
      kind: 'copy',
      origin: from,
      destination: to,
      data,
      inFlight: DEFAULT_SECRETS_AT_ONCE,
    });
    times.bareCopy.push(bareCopy.ms);
    await freshMounts(world, mounts);
    const destination = new BenchSync(
      world,
      'destination',
      { ...plan, name: `distant-${delayMs}-${round}` },
      origin,
    );
    await destination.work();
    const [copied] = await destination.start();
    expectCycle(copied, 'a first copy', { outcome: 'synced', counts: { added: secrets } });
    await destination.stop();
    times.copy.push(copied.ms);
    const told = [scan.ms, bareScan.ms, copied.ms, bareCopy.ms].map(Math.round);
    say(
      `${delayMs} ms away, round ${round}: scan ${told[0]} ms, floor ${told[1]} ms; copy ${told[2]} ms, floor ${told[3]} ms`,
    );
  }
  await origin.stop();
  await floor.stop();
  const rowOf = (what: string, work: string, ours: readonly number[], floor: readonly number[]) =>
    besideFloor(
      { id: `distant-${delayMs}-${what}`, work, secrets, buckets: numBuckets, details: { delayMs } },
      ours,
      floor,
    );
  rows.push(
    rowOf(
      'scan',
      `origin cycle without numWorkers, the Vault ${delayMs} ms away, beside its floor with ${MAX_VAULT_REQUESTS} in flight`,
      times.scan,
      times.bareScan,
    ),
    rowOf(
      'copy',
      `first copy without numWorkers, both Vaults ${delayMs} ms away, beside its floor with ${DEFAULT_SECRETS_AT_ONCE} in flight`,
      times.copy,
      times.bareCopy,
    ),
  );
}
