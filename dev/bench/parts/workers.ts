import { makePaths } from '../data';
import { distantVaults, MAX_DISTANT_SECRETS } from '../distance';
import { cpuMs } from '../process-stats';
import { summarise, type Summary } from '../statistics';
import { BenchSync } from '../sync';
import { fillOrigin, freshMounts } from '../world';
import { expectCycle, type Measurement } from './measurement';

const MOUNT = 'shared/';

const FOLDERS = 200;
const BUCKETS = 64;
const NUM_WORKERS = 8;
const DELAY_MS = 20;
const PROCESSES = 2;

/** Times of the two steps that workers share, in milliseconds, and how busy the proxy was. */
interface Shared {
  fetchMs: number[];
  copyMs: number[];
  /** Share of one core that the proxy used while the cycles ran. */
  proxyBusy: number[];
}

/** One worker process and two of them, with a distant origin and a distant destination, in turn. */
export async function measureWorkers(measurement: Measurement): Promise<void> {
  const { options, world, rows, say } = measurement;
  const secrets = Math.min(options.secrets, MAX_DISTANT_SECRETS);
  const data = makePaths({ mount: MOUNT, secrets, folders: FOLDERS, seed: options.seed });
  say(`two workers beside one: writing ${secrets} secrets in at most ${FOLDERS} folders`);
  await fillOrigin(world, data, options.seed);

  const { proxy, addresses } = await distantVaults(world, DELAY_MS);
  const seen = new Map<number, Shared>(
    [1, PROCESSES].map((count) => [count, { fetchMs: [], copyMs: [], proxyBusy: [] }]),
  );
  for (let round = 1; round <= options.rounds; round++) {
    for (const [processes, shared] of seen) {
      await freshMounts(world, [MOUNT]);
      const name = `shared-${processes}-${round}`;
      const plan = { name, mounts: [MOUNT], numBuckets: BUCKETS, numWorkers: NUM_WORKERS, addresses };
      const proxyCpuMs = cpuMs(proxy.pid);
      const origin = new BenchSync(world, 'origin', plan);
      await origin.work(processes);
      const [published] = await origin.start();
      expectCycle(published, 'the first cycle of the origin', {
        outcome: 'synced',
        counts: { read: secrets },
      });
      await origin.stop();
      const destination = new BenchSync(world, 'destination', plan, origin);
      await destination.work(processes);
      const [copied] = await destination.start();
      expectCycle(copied, 'a first copy', { outcome: 'synced', counts: { added: secrets } });
      await destination.stop();
      const fetchMs = published.result.durationsMs['fetchMetadata'] ?? NaN;
      const copyMs = copied.result.durationsMs['copySecrets'] ?? NaN;
      shared.fetchMs.push(fetchMs);
      shared.copyMs.push(copyMs);
      shared.proxyBusy.push((cpuMs(proxy.pid) - proxyCpuMs) / (published.ms + copied.ms));
      say(`${processes} worker(s), round ${round}: metadata ${fetchMs} ms, copy ${copyMs} ms`);
    }
  }
  await proxy.stop();

  const [one, two] = [seen.get(1), seen.get(PROCESSES)];
  if (one === undefined || two === undefined) throw new RangeError('both numbers of processes are measured');
  const rowOf = (id: string, what: string, alone: Summary, together: Summary) => ({
    id,
    work: `${PROCESSES} worker processes beside one, ${NUM_WORKERS} in flight each, ${DELAY_MS} ms of latency: ${what}`,
    secrets,
    buckets: BUCKETS,
    unit: 'times' as const,
    value: alone.median / together.median,
    bar: { kind: 'at least' as const, limit: 1.8 },
    ours: together,
    floor: alone,
    details: {
      foldersAtMost: FOLDERS,
      proxyCpuShare: { one: summarise(one.proxyBusy), two: summarise(two.proxyBusy) },
    },
  });
  rows.push(
    rowOf('workers-fetch', 'fetching metadata', summarise(one.fetchMs), summarise(two.fetchMs)),
    rowOf('workers-copy', 'copying', summarise(one.copyMs), summarise(two.copyMs)),
  );
}
