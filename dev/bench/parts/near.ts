import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { makeValue } from '../../shared/sample-secrets';
import { VaultRequests } from '../../shared/vault-requests';
import { waitFor } from '../../shared/wait';
import { cpuMs } from '../machine';
import { expectCycle, type Measurement } from '../measurement';
import { summarise } from '../results';
import type { BenchSync } from '../sync';
import { freshMounts } from '../world';

/** Starts the worker and the schedule of the origin. @returns after its first cycle */
export async function startOrigin(measurement: Measurement): Promise<BenchSync> {
  const { mounts, options } = measurement;
  const { secrets, numBuckets, inFlight: numWorkers } = options;
  const plan = { name: 'main', mounts, numBuckets, numWorkers };
  const [origin, first] = await measurement.publish(plan, secrets);
  measurement.noteHistory('origin, first', first);
  return origin;
}

/** Origin cycles with nothing changed, and the floor of one, in turn: time and CPU. @returns the origin, which runs on */
export async function measureOrigin(measurement: Measurement): Promise<BenchSync> {
  const { options, world, mounts } = measurement;
  const { secrets, inFlight } = options;
  const origin = await startOrigin(measurement);
  const floor = measurement.helper('floor');
  let details: Record<string, unknown> = {};
  const measure = async () => {
    const before = cpuMs(world.origin.pid);
    const cycle = await origin.cycle();
    const between = cpuMs(world.origin.pid);
    expectCycle(cycle, 'unchanged', { read: secrets });
    const bare = await floor.do('scan', { origin: world.access.origin, mounts, inFlight });
    const [vaultCpuMs, floorVaultCpuMs] = [between - before, cpuMs(world.origin.pid) - between];
    details = { floorRequests: bare.requests, stepsMs: cycle.result.durationsMs };
    measurement.noteHistory('origin, unchanged', cycle);
    const { ms, cpuMs: ownCpuMs } = cycle;
    return { ms, ownCpuMs, vaultCpuMs, floorMs: bare.ms, floorCpuMs: bare.cpuMs, floorVaultCpuMs };
  };
  // The first one warms up both sides, and does not count.
  await measure();
  const rounds = await measurement.rounds('origin cycle', measure);
  await floor.stop();
  const vaultCpuMs = { ours: rounds.of('vaultCpuMs'), floor: rounds.of('floorVaultCpuMs') };
  measurement.add('origin-cycle', { ...rounds.ratio('ms', 'floorMs'), details: { ...details, vaultCpuMs } });
  const [oursMs, floorMs] = [rounds.of('ownCpuMs'), rounds.of('floorCpuMs')];
  const value = (oursMs.median - floorMs.median) / secrets;
  measurement.add('origin-cpu', { value, details: { oursMs, floorMs } });
  await measurement.noteSync(origin);
  return origin;
}

/**
 * First copies by fresh workers into empty mounts, and the floor of one by a fresh process, in turn.
 *
 * @returns the destination of the last round; its worker and its watch run on
 */
export async function measureCopy(measurement: Measurement, origin: BenchSync): Promise<BenchSync> {
  const { options, world, data, mounts } = measurement;
  const { secrets, numBuckets, inFlight } = options;
  const destinations: BenchSync[] = [];
  let details: Record<string, unknown> = {};
  const rounds = await measurement.rounds('first copy', async (round) => {
    await destinations.at(-1)?.stop();
    await freshMounts(world.destination, mounts);
    const floor = measurement.helper('floor');
    const { atOrigin: from, destination: to } = world.access;
    // Warms up what a worker warms up by its checks: the start of Node and the loading of its code.
    await floor.do('scan', { origin: from, mounts: [], inFlight });
    const bare = await floor.do('copy', { origin: from, destination: to, data, inFlight });
    await floor.stop();
    const plan = { name: `copy-${round}`, mounts, numBuckets, numWorkers: inFlight };
    const [destination, cycle] = await measurement.firstCopy(plan, origin, secrets);
    destinations.push(destination);
    details = { floorRequests: bare.requests, stepsMs: cycle.result.durationsMs };
    measurement.noteHistory('destination, first copy', cycle);
    return { ms: cycle.ms, cpuMs: cycle.cpuMs, floorMs: bare.ms, floorCpuMs: bare.cpuMs };
  });
  details = { ...details, cpuMs: rounds.of('cpuMs'), floorCpuMs: rounds.of('floorCpuMs') };
  measurement.add('first-copy', { ...rounds.ratio('ms', 'floorMs'), details });
  const last = destinations.at(-1) as BenchSync;
  await measurement.noteSync(last);
  return last;
}

/** Changes are short, so there are more of them than rounds. */
const CHANGES = 7;

const WITHIN_MS = 600_000;
const POLL_MS = 5;

/** Before a change, so that the watch is at rest; of different length, so that changes meet its poll at different points. */
const REST_MS = [700, 900, 1_100];

/** How long a changed secret takes from the write of the origin's index to its destination, with the watch running. */
export async function measureChange(
  measurement: Measurement,
  origin: BenchSync,
  destination: BenchSync,
): Promise<void> {
  const { options, world, data } = measurement;
  const { signal } = world;
  const { mount, paths } = data[0];
  const [from, to] = [new VaultRequests(world.origin, 1), new VaultRequests(world.destination, 1)];
  const times: number[] = [];
  for (let change = 0; change < CHANGES; change++) {
    const path = paths[Math.floor((change * paths.length) / CHANGES)] ?? '';
    await destination.idle();
    await sleep(REST_MS[change % REST_MS.length], undefined, { signal });
    const value = makeValue(options.seed + 1 + change, mount + path);
    await from.writeValue(mount, path, value);
    const arrives = async (): Promise<number> => {
      await indexWritten(measurement, origin);
      const isThere = async () => isDeepStrictEqual(await to.readValue(mount, path), value);
      const within = { withinMs: WITHIN_MS, pollMs: POLL_MS, signal };
      return waitFor(() => 'a change did not arrive', isThere, within);
    };
    const [ms, cycle] = await Promise.all([arrives(), origin.cycle()]);
    times.push(ms);
    expectCycle(cycle, 'synced', { read: options.secrets });
    if (change === 0) measurement.noteHistory('origin, one change', cycle);
    world.say(`one changed secret: ${ms} ms`);
  }
  await Promise.all([from.close(), to.close()]);
  const ours = summarise(times);
  measurement.add('change', { value: ours.median, ours });
}

/** Waits until the origin's index is written, by long polls. */
async function indexWritten({ world: { consul, signal } }: Measurement, origin: BenchSync): Promise<void> {
  const url = `${consul}/v1/kv/${origin.syncPath}origin/index`;
  let answer = await fetch(`${url}?consistent`, { signal });
  const old = await answer.text();
  do {
    answer = await fetch(`${url}?index=${answer.headers.get('x-consul-index') ?? ''}&wait=30s`, { signal });
  } while ((await answer.text()) === old);
}
