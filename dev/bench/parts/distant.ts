import { DEFAULT_SECRETS_AT_ONCE, MAX_VAULT_REQUESTS } from '../../../src/limits';
import { makePaths, type MountData } from '../../shared/sample-secrets';
import { Helper } from '../helper';
import { cpuMs } from '../machine';
import type { Measurement } from '../measurement';
import { ratio } from '../results';
import { accessThrough, fillOrigin, freshMounts, type World } from '../world';

/** More secrets only take longer, because the latency decides here. */
const MAX_SECRETS = 10_000;

const FOLDERS = 200;
const BUCKETS = 64;
const NUM_WORKERS = 8;
const DELAY_MS = 20;

/** One worker process and two of them, with distant Vaults, in turn: the steps that workers share. */
export async function measureWorkers(measurement: Measurement): Promise<void> {
  const data = await distantData(measurement, 'shared/', FOLDERS);
  const [proxy, access] = await distantVaults(measurement.world, DELAY_MS);
  const steps = async (processes: number, round: number) => {
    const name = `shared-${processes}-${round}`;
    const plan = { name, data: [data], numBuckets: BUCKETS, numWorkers: NUM_WORKERS, access };
    const before = cpuMs(proxy.pid);
    const [origin, published] = await measurement.publish(plan, processes);
    await origin.stop();
    const [destination, copied] = await measurement.firstCopy(plan, origin, processes);
    await destination.stop();
    return {
      fetchMs: published.result.durationsMs['fetchMetadata'] ?? NaN,
      copyMs: copied.result.durationsMs['copySecrets'] ?? NaN,
      proxyCpu: (cpuMs(proxy.pid) - before) / (published.ms + copied.ms),
    };
  };
  const rounds = await measurement.rounds('one worker, and two', async (round) => {
    const { fetchMs: fetchMs1, copyMs: copyMs1, proxyCpu: proxyCpu1 } = await steps(1, round);
    return { ...(await steps(2, round)), fetchMs1, copyMs1, proxyCpu1 };
  });
  await proxy.stop();
  // Close to 1, the proxy and not the workers limits the times.
  const proxyCpuShare = { one: rounds.proxyCpu1, two: rounds.proxyCpu };
  const details = { foldersAtMost: FOLDERS, proxyCpuShare };
  const common = { secrets: data.paths.length, buckets: BUCKETS, details };
  const [fetch, copy] = [ratio(rounds.fetchMs, rounds.fetchMs1), ratio(rounds.copyMs, rounds.copyMs1)];
  measurement.add('workers-fetch', { ...common, ...fetch, value: 1 / fetch.value });
  measurement.add('workers-copy', { ...common, ...copy, value: 1 / copy.value });
}

/** Cycles with distant Vaults and without `numWorkers`, so that vsync adapts, and the floor with the most requests. */
export async function measureLatency(measurement: Measurement): Promise<void> {
  const data = await distantData(measurement, 'distant/');
  for (const delayMs of [10, 50]) await measureAt(measurement, delayMs, data);
}

async function measureAt(measurement: Measurement, delayMs: number, data: MountData): Promise<void> {
  const { world } = measurement;
  const secrets = data.paths.length;
  const mounts = [data.mount];
  const [proxy, access] = await distantVaults(world, delayMs);
  const floor = new Helper('floor', world);
  const plan = { name: `distant-${delayMs}`, data: [data], numWorkers: undefined, access };
  const [origin] = await measurement.publish(plan);
  const rounds = await measurement.rounds(`${delayMs} ms away`, async (round) => {
    const cycle = await origin.cycle('unchanged', { read: secrets });
    const scan = await floor.do('scan', { ...access, mounts, inFlight: MAX_VAULT_REQUESTS });
    await freshMounts(world.destination, mounts);
    const copy = await floor.do('copy', { ...access, data: [data], inFlight: DEFAULT_SECRETS_AT_ONCE });
    const ofRound = { ...plan, name: `${plan.name}-${round}` };
    const [destination, copied] = await measurement.firstCopy(ofRound, origin);
    await destination.stop();
    return { scan: cycle.ms, floorScan: scan.ms, copy: copied.ms, floorCopy: copy.ms };
  });
  await Promise.all([origin.stop(), floor.stop(), proxy.stop()]);
  const common = { secrets, details: { delayMs } };
  measurement.add(`distant-${delayMs}-scan`, { ...common, ...ratio(rounds.scan, rounds.floorScan) });
  measurement.add(`distant-${delayMs}-copy`, { ...common, ...ratio(rounds.copy, rounds.floorCopy) });
}

/** Both Vaults behind a proxy that delays each request. */
async function distantVaults(world: World, delayMs: number): Promise<[Helper, World['access']]> {
  const proxy = new Helper('latency proxy', world);
  const targets = [world.origin.address, world.destination.address];
  const [origin = '', destination = ''] = await proxy.do('proxy', { targets, delayMs });
  return [proxy, accessThrough(world, { origin, destination })];
}

function distantData({ options, world }: Measurement, mount: string, folders?: number): Promise<MountData> {
  const secrets = Math.min(options.secrets, MAX_SECRETS);
  const { seed } = options;
  return fillOrigin(world, makePaths({ mount, secrets, seed, ...(folders && { folders }) }), seed);
}
