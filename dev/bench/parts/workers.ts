import { makePaths } from '../../shared/sample-secrets';
import { cpuMs } from '../machine';
import { MAX_DISTANT_SECRETS, type Measurement } from '../measurement';
import { Rounds } from '../results';
import { fillOrigin } from '../world';

const MOUNT = 'shared/';
const FOLDERS = 200;
const BUCKETS = 64;
const NUM_WORKERS = 8;
const DELAY_MS = 20;

/** One worker process and two of them, with distant Vaults, in turn: the steps that workers share. */
export async function measureWorkers(measurement: Measurement): Promise<void> {
  const { options, world } = measurement;
  const secrets = Math.min(options.secrets, MAX_DISTANT_SECRETS);
  const data = makePaths({ mount: MOUNT, secrets, folders: FOLDERS, seed: options.seed });
  await fillOrigin(world, data, options.seed);
  const [proxy, addresses] = await measurement.distantVaults(DELAY_MS);
  const [one, two] = [
    new Rounds<'fetchMs' | 'copyMs' | 'proxyCpu'>(),
    new Rounds<'fetchMs' | 'copyMs' | 'proxyCpu'>(),
  ];
  for (let round = 1; round <= options.rounds; round++) {
    for (const [rounds, processes] of [
      [one, 1],
      [two, 2],
    ] as const) {
      const name = `shared-${processes}-${round}`;
      const plan = { name, mounts: [MOUNT], numBuckets: BUCKETS, numWorkers: NUM_WORKERS, addresses };
      const before = cpuMs(proxy.pid);
      const [origin, published] = await measurement.publish(plan, secrets, processes);
      await origin.stop();
      const [destination, copied] = await measurement.firstCopy(plan, origin, secrets, processes);
      await destination.stop();
      const fetchMs = published.result.durationsMs['fetchMetadata'] ?? NaN;
      const copyMs = copied.result.durationsMs['copySecrets'] ?? NaN;
      // Close to 1, the proxy and not the workers limits the times.
      const proxyCpu = (cpuMs(proxy.pid) - before) / (published.ms + copied.ms);
      rounds.add({ fetchMs, copyMs, proxyCpu });
      world.say(`${processes} worker(s), round ${round}: metadata ${fetchMs} ms, copy ${copyMs} ms`);
    }
  }
  await proxy.stop();
  const proxyCpuShare = { one: one.of('proxyCpu'), two: two.of('proxyCpu') };
  for (const [id, step] of [
    ['workers-fetch', 'fetchMs'],
    ['workers-copy', 'copyMs'],
  ] as const) {
    const [ours, floor] = [two.of(step), one.of(step)];
    const value = floor.median / ours.median;
    const details = { foldersAtMost: FOLDERS, proxyCpuShare };
    measurement.add(id, { value, secrets, buckets: BUCKETS, ours, floor, details });
  }
}
