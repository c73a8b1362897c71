import { pushId } from '../../../src/contract/ids';
import { PUSH_UPDATE } from '../../../src/contract/push';
import { freePorts } from '../../servers/start';
import { AuditDevices } from '../../shared/audit-device';
import { CountingProxy } from '../../shared/counting-proxy';
import { countKinds, vaultKind } from '../../shared/request-kinds';
import { makeValue } from '../../shared/sample-secrets';
import { pause, waitFor } from '../../shared/wait';
import { cpuMs } from '../machine';
import { type Measurement } from '../measurement';
import { summarise } from '../results';
import type { BenchSync } from '../sync';
import { measureBurst, measureChanges } from './feed-changes';
import { measureVaultSync } from './feed-others';
import { measureWrites } from './feed-writes';

/** With less data the run only tests the benchmark. */
const FEW_SECRETS = 1_000;
const IDLE = { tick: '1m', ms: 5 * 60_000 };
const SHORTLY_IDLE = { tick: '2s', ms: 8_000 };

const HOPS = 200;
const HEARD_WITHIN_MS = 120_000;
const DEVICE = 'feed';

/**
 * An origin with a feed: changes one by one and in a burst, what the audit device costs the origin's Vault, and what an
 * idle origin costs. Its Vault also has a file device, as the documentation asks for.
 */
export async function measureFeed(measurement: Measurement): Promise<void> {
  const { world } = measurement;
  const devices = new AuditDevices(world.origin.api);
  const [port = 0] = await freePorts(1);
  await devices.toFile();
  try {
    const vsync = await measureSync(measurement, devices, port);
    await measureVaultSync(measurement, devices, vsync);
    await measureIdle(measurement, devices, port);
  } finally {
    await devices.disable('file');
  }
}

/** Everything that needs a destination. @returns what another tool is compared with */
async function measureSync(measurement: Measurement, devices: AuditDevices, port: number) {
  const plan = { name: 'feed', feed: feedAt(port) };
  const [origin] = await measurement.publish(plan);
  const [destination] = await measurement.firstCopy(plan, origin);
  await enable(measurement, devices, port);
  await isHeard(measurement, origin, destination);
  await quiet(origin, destination);
  await measureHop(measurement, destination);
  const changes = await measureChanges(measurement, destination);
  await quiet(origin, destination);
  const burst = await measureBurst(measurement, () => quiet(origin, destination), destination);
  await devices.disable(DEVICE);
  await measureWrites(measurement, { devices, name: DEVICE, port, workerPid: origin.pids[0] ?? 0 });
  await destination.stop();
  await origin.stop();
  return { changes, burst };
}

/** A worker that is ready may not listen yet, and Vault refuses a device whose listener does not answer. */
async function enable({ world }: Measurement, devices: AuditDevices, port: number): Promise<void> {
  let refused = '';
  const isEnabled = (): Promise<boolean> =>
    devices.toSocket(DEVICE, port).then(
      () => true,
      (error: unknown) => {
        refused = (error as Error).message;
        return false;
      },
    );
  const within = { withinMs: HEARD_WITHIN_MS, signal: world.signal };
  await waitFor(() => `the audit device was not enabled (${refused})`, isEnabled, within);
}

/** Full scans are left to what the feed misses. */
function feedAt(port: number): object {
  return { socket: { listen: `127.0.0.1:${port}` }, fullScanEvery: '1h' };
}

async function quiet(...syncs: BenchSync[]): Promise<void> {
  for (const sync of syncs) await sync.idle();
}

/** Waits until a cycle trusts the feed, and a change is pushed. */
async function isHeard(measurement: Measurement, origin: BenchSync, destination: BenchSync): Promise<void> {
  const { world, data, options } = measurement;
  const within = { withinMs: HEARD_WITHIN_MS, signal: world.signal };
  await untilPass(measurement, origin);
  const { mount, paths } = data[1];
  const rel = paths.at(-1) ?? '';
  let change = 0;
  const isPushed = async (): Promise<boolean> => {
    await world.origin.api.put(mount, rel, makeValue(options.seed + 1_000 + change++, mount + rel));
    const { events } = await world.client.workflow.getHandle(pushId(destination.config.name)).fetchHistory();
    return (events ?? []).some((event) => event.workflowExecutionUpdateCompletedEventAttributes);
  };
  await waitFor(() => 'no change was pushed', isPushed, { ...within, pollMs: 500 });
}

async function untilPass({ world }: Measurement, origin: BenchSync): Promise<void> {
  const isPass = async () => (await origin.cycle()).result.note?.startsWith('feed pass') ?? false;
  const within = { withinMs: HEARD_WITHIN_MS, signal: world.signal };
  await waitFor(() => 'no cycle of the origin trusted its feed', isPass, within);
}

/** The way through Temporal alone: an update without any secret. */
async function measureHop(measurement: Measurement, destination: BenchSync): Promise<void> {
  const handle = measurement.world.client.workflow.getHandle(pushId(destination.config.name));
  const times: number[] = [];
  const hops = Math.min(HOPS, measurement.options.secrets);
  for (let hop = 0; hop < hops; hop++) {
    const begun = performance.now();
    await handle.executeUpdate(PUSH_UPDATE, { args: [{ v: 1, secrets: [] }] });
    times.push(performance.now() - begun);
  }
  const ours = summarise(times);
  measurement.add('feed-hop', { value: ours.median, ours });
}

/** Metadata that an idle origin reads, and the CPU of its worker. Its full scan is over when this begins. */
async function measureIdle(measurement: Measurement, devices: AuditDevices, port: number): Promise<void> {
  const { options, world } = measurement;
  const { tick, ms } = options.secrets < FEW_SECRETS ? SHORTLY_IDLE : IDLE;
  const proxy = await CountingProxy.before(world.origin.address);
  world.cleanUps.push(() => proxy.close());
  const access = { origin: { ...world.access.origin, address: proxy.address } };
  const origin = measurement.sync('origin', { name: 'feed-idle', feed: feedAt(port), tick, access });
  await origin.work();
  await enable(measurement, devices, port);
  await origin.start();
  await untilPass(measurement, origin);
  console.log(`idle for ${ms / 1000} s`);
  const [pid = 0] = origin.pids;
  proxy.take();
  const before = cpuMs(pid);
  await pause(ms, world.signal);
  const cpuShare = ((cpuMs(pid) - before) / ms) * 100;
  const requests = countKinds(proxy.take(), vaultKind);
  await origin.stop();
  await devices.disable(DEVICE);
  const details = { seconds: ms / 1000, tick, requests };
  measurement.add('feed-idle-reads', { value: requests['read metadata'] ?? 0, details });
  measurement.add('feed-idle-cpu', { value: cpuShare, details });
}
