import { setTimeout as sleep } from 'node:timers/promises';
import { WRITE_TIMEOUT_MS, type AuditDevices } from '../../shared/audit-device';
import { makeValue } from '../../shared/sample-secrets';
import { VaultRequests } from '../../shared/vault-requests';
import { inParallel } from '../../shared/wait';
import type { Measurement } from '../measurement';
import { percentile, summarise, type Summary } from '../results';

/** Not synced: the work of the sync would compete with the Vault for the CPU of this one machine. */
const MOUNT = 'writes/';
const AT_ONCE = 8;
/** Between two writes of one writer, so that the Vault is busy but not full. */
const REST_MS = 20;
/** Slices with and without the device take turns, because the speed of a machine varies within minutes. */
const SLICES = 4;
const SLICE_MS = 5_000;
const STOPPED_MS = 10_000;
const FEW_SECRETS = 1_000;
const SHORT_MS = 500;

interface Feed {
  devices: AuditDevices;
  /** Of the device. */
  name: string;
  port: number;
  /** Of the worker that listens. */
  workerPid: number;
}

interface Writes {
  times: number[];
  failed: number;
}

/** Latency of writes at the origin's Vault: without the feed's device, with it, and with it while the worker is stopped. */
export async function measureWrites(measurement: Measurement, feed: Feed): Promise<void> {
  const { world, options } = measurement;
  const isShort = options.secrets < FEW_SECRETS;
  await world.origin.api.mount(MOUNT);
  const [off, on]: [Writes, Writes] = [none(), none()];
  for (let slice = 0; slice <= SLICES; slice++) {
    const without = await writeFor(measurement, isShort ? SHORT_MS : SLICE_MS);
    await feed.devices.toSocket(feed.name, feed.port);
    const withDevice = await writeFor(measurement, isShort ? SHORT_MS : SLICE_MS);
    await feed.devices.disable(feed.name);
    // The first slices warm up, and do not count.
    if (slice === 0) continue;
    add(off, without);
    add(on, withDevice);
  }
  const stopped = await writeWhileStopped(measurement, feed, isShort ? SHORT_MS : STOPPED_MS);
  report(measurement, off, on, stopped);
}

function none(): Writes {
  return { times: [], failed: 0 };
}

function add(sum: Writes, { times, failed }: Writes): void {
  sum.times.push(...times);
  sum.failed += failed;
}

/** SIGSTOP: it accepts no connection, reads nothing, and its connections stay open. */
async function writeWhileStopped(measurement: Measurement, feed: Feed, ms: number): Promise<Writes> {
  await feed.devices.toSocket(feed.name, feed.port);
  await writeFor(measurement, SHORT_MS);
  process.kill(feed.workerPid, 'SIGSTOP');
  try {
    return await writeFor(measurement, ms);
  } finally {
    process.kill(feed.workerPid, 'SIGCONT');
    await feed.devices.disable(feed.name);
  }
}

async function writeFor({ world, options }: Measurement, ms: number): Promise<Writes> {
  const vault = new VaultRequests(world.origin, AT_ONCE);
  const writes = none();
  const endMs = performance.now() + ms;
  await inParallel([...Array(AT_ONCE).keys()], AT_ONCE, async (writer) => {
    const secret = `writer-${writer}`;
    const value = makeValue(options.seed, secret);
    while (performance.now() < endMs) {
      world.signal.throwIfAborted();
      const begun = performance.now();
      try {
        await vault.writeValue(MOUNT, secret, value);
        writes.times.push(performance.now() - begun);
      } catch {
        writes.failed += 1;
      }
      await sleep(REST_MS);
    }
  });
  await vault.close();
  return writes;
}

function report(measurement: Measurement, off: Writes, on: Writes, stopped: Writes): void {
  const [without, withDevice, whileStopped] = [off, on, stopped].map(({ times }) => summarise(times)) as [
    Summary,
    Summary,
    Summary,
  ];
  const shown = (summary: Summary) => ({
    writes: summary.values.length,
    median: summary.median,
    p99: percentile(summary.values, 0.99),
    max: summary.max,
  });
  const details = { off: shown(without), on: shown(withDevice), stopped: shown(whileStopped) };
  console.log(`writes at the origin in ms: ${JSON.stringify(details)}`);
  const common = { secrets: AT_ONCE, details };
  measurement.add('feed-write-median', { ...common, value: withDevice.median / without.median });
  measurement.add('feed-write-p99', { ...common, value: details.on.p99 / details.off.p99 });
  const bar = { kind: 'at most', limit: WRITE_TIMEOUT_MS } as const;
  const stall = Math.max(0, whileStopped.max - without.median);
  measurement.add('feed-write-stall', { ...common, value: stall, bar });
  measurement.add('feed-write-failed', { ...common, value: off.failed + on.failed + stopped.failed });
}
