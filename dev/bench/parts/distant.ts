import { DEFAULT_SECRETS_AT_ONCE, MAX_VAULT_REQUESTS } from '../../../src/limits';
import { makePaths, type MountData } from '../../shared/sample-secrets';
import { cpuMs } from '../machine';
import { expectCycle, type Measurement } from '../measurement';
import { fillOrigin, freshMounts } from '../world';

/** More secrets only take longer, because the latency decides here. */
const MAX_SECRETS = 10_000;

const FOLDERS = 200;
const BUCKETS = 64;
const NUM_WORKERS = 8;
const DELAY_MS = 20;

/** One worker process and two of them, with distant Vaults, in turn: the steps that workers share. */
export async function measureWorkers(measurement: Measurement): Promise<void> {
  const { mount, paths } = await distantData(measurement, 'shared/', FOLDERS);
  const secrets = paths.length;
  const [proxy, addresses] = await measurement.distantVaults(DELAY_MS);
  const steps = async (processes: number, round: number) => {
    const name = `shared-${processes}-${round}`;
    const plan = { name, mounts: [mount], numBuckets: BUCKETS, numWorkers: NUM_WORKERS, addresses };
    const before = cpuMs(proxy.pid);
    const [origin, published] = await measurement.publish(plan, secrets, processes);
    await origin.stop();
    const [destination, copied] = await measurement.firstCopy(plan, origin, secrets, processes);
    await destination.stop();
    return {
      fetchMs: published.result.durationsMs['fetchMetadata'] ?? NaN,
      copyMs: copied.result.durationsMs['copySecrets'] ?? NaN,
      proxyCpu: (cpuMs(proxy.pid) - before) / (published.ms + copied.ms),
    };
  };
  const rounds = await measurement.rounds('one worker, and two', async (round) => {
    const [one, two] = [await steps(1, round), await steps(2, round)];
    const { fetchMs: fetchMs1, copyMs: copyMs1, proxyCpu: proxyCpu1 } = one;
    return { ...two, fetchMs1, copyMs1, proxyCpu1 };
  });
  await proxy.stop();
  // Close to 1, the proxy and not the workers limits the times.
  const proxyCpuShare = { one: rounds.of('proxyCpu1'), two: rounds.of('proxyCpu') };
  const common = { secrets, buckets: BUCKETS, details: { foldersAtMost: FOLDERS, proxyCpuShare } };
  for (const [id, ratio] of [
    ['workers-fetch', rounds.ratio('fetchMs', 'fetchMs1')],
    ['workers-copy', rounds.ratio('copyMs', 'copyMs1')],
  ] as const)
    measurement.add(id, { ...common, ...ratio, value: 1 / ratio.value });
}

/** Cycles with distant Vaults and without `numWorkers`, so that vsync adapts, and the floor with the most requests. */
export async function measureLatency(measurement: Measurement): Promise<void> {
  const data = await distantData(measurement, 'distant/');
  for (const delayMs of [10, 50]) await measureAt(measurement, delayMs, data);
}

async function measureAt(measurement: Measurement, delayMs: number, data: MountData): Promise<void> {
  const { options, world } = measurement;
  const secrets = data.paths.length;
  const mounts = [data.mount];
  const [proxy, addresses] = await measurement.distantVaults(delayMs);
  const { access } = world;
  const scanned = { address: addresses.origin, token: access.origin.token };
  const from = { address: addresses.origin, token: access.atOrigin.token };
  const to = { address: addresses.destination, token: access.destination.token };
  const floor = measurement.helper('floor');
  const plan = { name: `distant-${delayMs}`, mounts, numBuckets: options.numBuckets, addresses };
  const [origin] = await measurement.publish(plan, secrets);
  const rounds = await measurement.rounds(`${delayMs} ms away`, async (round) => {
    const cycle = await origin.cycle();
    expectCycle(cycle, 'unchanged', { read: secrets });
    const scan = await floor.do('scan', { origin: scanned, mounts, inFlight: MAX_VAULT_REQUESTS });
    await freshMounts(world.destination, mounts);
    const work = { origin: from, destination: to, data: [data], inFlight: DEFAULT_SECRETS_AT_ONCE };
    const copy = await floor.do('copy', work);
    const name = `${plan.name}-${round}`;
    const [destination, copied] = await measurement.firstCopy({ ...plan, name }, origin, secrets);
    await destination.stop();
    return { scan: cycle.ms, floorScan: scan.ms, copy: copied.ms, floorCopy: copy.ms };
  });
  await Promise.all([origin.stop(), floor.stop(), proxy.stop()]);
  const common = { secrets, details: { delayMs } };
  measurement.add(`distant-${delayMs}-scan`, { ...common, ...rounds.ratio('scan', 'floorScan') });
  measurement.add(`distant-${delayMs}-copy`, { ...common, ...rounds.ratio('copy', 'floorCopy') });
}

function distantData(measurement: Measurement, mount: string, folders?: number): Promise<MountData> {
  const { options, world } = measurement;
  const secrets = Math.min(options.secrets, MAX_SECRETS);
  const { seed } = options;
  return fillOrigin(world, makePaths({ mount, secrets, seed, ...(folders && { folders }) }), seed);
}
