import { VaultRequests } from '../../shared/vault-requests';
import { pause } from '../../shared/wait';
import { Helper } from '../helper';
import { cpuMs } from '../machine';
import type { Measurement } from '../measurement';
import { ratio, summarise } from '../results';
import type { BenchSync } from '../sync';
import { freshMounts } from '../world';
import { changes, untilThere } from './feed-changes';

/** The parts that share one origin: its cycles, first copies from it, and changes with the last destination. */
export async function measureNear(measurement: Measurement): Promise<void> {
  const { parts } = measurement.options;
  const [hasCopy, hasChange] = [parts.includes('copy'), parts.includes('change')];
  if (!parts.includes('origin') && !hasCopy && !hasChange) return;
  const [origin, first] = await measurement.publish({ name: 'main' });
  measurement.noteHistory('origin, first', first);
  if (parts.includes('origin')) await measureOrigin(measurement, origin);
  if (hasCopy || hasChange) {
    const destination = await measureCopy(measurement, origin);
    if (hasChange) await measureChange(measurement, origin, destination);
    await destination.stop();
  }
  await origin.stop();
}

/** Origin cycles with nothing changed, and the floor of one, in turn: time and CPU. */
async function measureOrigin(measurement: Measurement, origin: BenchSync): Promise<void> {
  const { options, world, mounts } = measurement;
  const { secrets, inFlight } = options;
  const floor = new Helper('floor', world);
  let details: Record<string, unknown> = {};
  const measure = async () => {
    const before = cpuMs(world.origin.pid);
    const cycle = await origin.cycle('unchanged', { read: secrets });
    const between = cpuMs(world.origin.pid);
    const bare = await floor.do('scan', { ...world.access, mounts, inFlight });
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
  const vaultCpuMs = { ours: rounds.vaultCpuMs, floor: rounds.floorVaultCpuMs };
  const times = ratio(rounds.ms, rounds.floorMs);
  measurement.add('origin-cycle', { ...times, details: { ...details, vaultCpuMs } });
  const [oursMs, floorMs] = [rounds.ownCpuMs, rounds.floorCpuMs];
  const value = (oursMs.median - floorMs.median) / secrets;
  measurement.add('origin-cpu', { value, details: { oursMs, floorMs } });
  await measurement.noteSync(origin);
}

/**
 * First copies by fresh workers into empty mounts, and the floor of one by a fresh process, in turn.
 *
 * @returns the destination of the last round; its worker and its watch run on
 */
async function measureCopy(measurement: Measurement, origin: BenchSync): Promise<BenchSync> {
  const { world, data, mounts } = measurement;
  const { inFlight } = measurement.options;
  const destinations: BenchSync[] = [];
  let details: Record<string, unknown> = {};
  const rounds = await measurement.rounds('first copy', async (round) => {
    await destinations.at(-1)?.stop();
    await freshMounts(world.destination, mounts);
    const floor = new Helper('floor', world);
    // Warms up what a worker warms up by its checks: the start of Node and the loading of its code.
    await floor.do('scan', { ...world.access, mounts: [], inFlight });
    const bare = await floor.do('copy', { ...world.access, data, inFlight });
    await floor.stop();
    const [destination, cycle] = await measurement.firstCopy({ name: `copy-${round}` }, origin);
    destinations.push(destination);
    details = { floorRequests: bare.requests, stepsMs: cycle.result.durationsMs };
    measurement.noteHistory('destination, first copy', cycle);
    return { ms: cycle.ms, cpuMs: cycle.cpuMs, floorMs: bare.ms, floorCpuMs: bare.cpuMs };
  });
  const { ms, floorMs, ...cpu } = rounds;
  measurement.add('first-copy', { ...ratio(ms, floorMs), details: { ...details, ...cpu } });
  const last = destinations.at(-1) as BenchSync;
  await measurement.noteSync(last);
  return last;
}

/** Changes are short, so there are more of them than rounds. */
const CHANGES = 7;

/** Of the values: the rounds of the part `feed` have others. */
const ROUND = 500;

const POLL_MS = 5;

/** Before a change, so that the watch is at rest; of different length, so that changes meet its poll at different points. */
const REST_MS = [700, 900, 1_100];

/** How long a changed secret takes from the write of the origin's index to its destination, with the watch running. */
async function measureChange(measurement: Measurement, origin: BenchSync, destination: BenchSync) {
  const { options, world } = measurement;
  const [from, to] = [new VaultRequests(world.origin, 1), new VaultRequests(world.destination, 1)];
  const times: number[] = [];
  for (const [number, change] of changes(measurement, CHANGES, ROUND).entries()) {
    await destination.idle();
    await pause(REST_MS[number % REST_MS.length] ?? 0, world.signal);
    await from.writeValue(change.mount, change.path, change.value);
    const arrived = indexWritten(measurement, origin).then(() =>
      untilThere(measurement, to, change, POLL_MS),
    );
    const [ms, cycle] = await Promise.all([arrived, origin.cycle('synced', { read: options.secrets })]);
    times.push(ms);
    if (number === 0) measurement.noteHistory('origin, one change', cycle);
    console.log(`one changed secret: ${Math.round(ms)} ms`);
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
