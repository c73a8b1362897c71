import type { Measurement } from '../measurement';
import { Rounds } from '../results';
import type { BenchSync } from '../sync';
import { freshMounts } from '../world';

/**
 * First copies by fresh workers into empty mounts, and the floor of one by a fresh process, in turn.
 *
 * @returns the destination of the last round; its worker and its watch run on
 */
export async function measureCopy(measurement: Measurement, origin: BenchSync): Promise<BenchSync> {
  const { options, world, data, mounts } = measurement;
  const { secrets, numBuckets, inFlight } = options;
  const rounds = new Rounds<'ms' | 'cpuMs' | 'floorMs' | 'floorCpuMs'>();
  const destinations: BenchSync[] = [];
  let details: Record<string, unknown> = {};
  for (let round = 1; round <= options.rounds; round++) {
    await destinations.at(-1)?.stop();
    await freshMounts(world.destination, mounts);
    const floor = measurement.helper('floor');
    // Warms up what a worker warms up by its checks: the start of Node and the loading of its code.
    await floor.do({ kind: 'scan', origin: world.origin, mounts: [], inFlight });
    const vaults = { origin: world.origin, destination: world.destination };
    const bare = await floor.do({ kind: 'copy', ...vaults, data, inFlight });
    await floor.stop();
    const plan = { name: `copy-${round}`, mounts, numBuckets, numWorkers: inFlight };
    const [destination, cycle] = await measurement.firstCopy(plan, origin, secrets);
    world.say(`first copy, round ${round}: ${cycle.ms} ms, floor ${Math.round(bare.ms)} ms`);
    destinations.push(destination);
    rounds.add({ ms: cycle.ms, cpuMs: cycle.cpuMs, floorMs: bare.ms, floorCpuMs: bare.cpuMs });
    details = { floorRequests: bare.requests, stepsMs: cycle.result.durationsMs };
    measurement.noteHistory('destination, first copy', cycle);
  }
  details = { ...details, cpuMs: rounds.of('cpuMs'), floorCpuMs: rounds.of('floorCpuMs') };
  measurement.add('first-copy', { ...rounds.ratio('ms', 'floorMs'), details });
  const last = destinations.at(-1) as BenchSync;
  await measurement.noteSync(last);
  return last;
}
