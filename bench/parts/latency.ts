import { DEFAULT_SECRETS_AT_ONCE } from '../../src/activities/limits';
import { MOST_LEVEL } from '../../src/vault/level';
import { makePaths } from '../data';
import { Helper } from '../helper';
import { besideFloor } from '../rows';
import { BenchSync } from '../sync';
import { fillOrigin, freshMounts } from '../world';
import { expectCycle, type Measurement } from './measurement';

const MOUNT = 'distant/';

/** More would only take longer: the latency decides here. */
const MAX_SECRETS = 10_000;
const DELAYS_MS = [10, 50] as const;

/**
 * Cycles with both Vaults at a distance and without `numWorkers`, so that the worker finds its number of requests in
 * flight, beside the bare requests with the most that it may find.
 */
export async function measureLatency(measurement: Measurement): Promise<void> {
  const { options, world, say } = measurement;
  const { seed } = options;
  const secrets = Math.min(options.secrets, MAX_SECRETS);
  const data = makePaths({ mount: MOUNT, secrets, folders: Math.ceil(secrets / 15), seed });
  say(`distant Vaults: writing ${secrets} secrets`);
  await fillOrigin(world, data, seed);
  for (const delayMs of DELAYS_MS) {
    const proxy = Helper.latencyProxy();
    world.cleanUps.push(() => proxy.stop());
    const targets = [world.origin.address, world.destination.address];
    const [origin = '', destination = ''] = await proxy.do({ targets, delayMs });
    await measureAt(measurement, { delayMs, secrets, paths: data.paths, addresses: { origin, destination } });
    await proxy.stop();
  }
}

interface Distance {
  delayMs: number;
  secrets: number;
  paths: readonly string[];
  /** Of the Vaults, through the proxy. */
  addresses: { origin: string; destination: string };
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
  if (first === undefined) throw new Error('a start begins a cycle');
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
    const bareScan = await floor.do({ kind: 'scan', origin: from, mounts, inFlight: MOST_LEVEL });
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
    if (copied === undefined) throw new Error('a start begins a cycle');
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
  const row = { secrets, buckets: numBuckets, details: { delayMs } };
  rows.push(
    besideFloor(
      {
        ...row,
        id: `distant-${delayMs}-scan`,
        work: `origin cycle without numWorkers, the Vault ${delayMs} ms away, beside its floor with ${MOST_LEVEL} in flight`,
      },
      times.scan,
      times.bareScan,
    ),
    besideFloor(
      {
        ...row,
        id: `distant-${delayMs}-copy`,
        work: `first copy without numWorkers, both Vaults ${delayMs} ms away, beside its floor with ${DEFAULT_SECRETS_AT_ONCE} in flight`,
      },
      times.copy,
      times.bareCopy,
    ),
  );
}
