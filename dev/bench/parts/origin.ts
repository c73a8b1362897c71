import { cpuMs } from '../machine';
import { expectCycle, type Measurement } from '../measurement';
import { Rounds } from '../results';
import type { BenchSync } from '../sync';

/** Origin cycles with nothing changed, and the floor of one, in turn: time and CPU. @returns the origin, which runs on */
export async function measureOrigin(measurement: Measurement): Promise<BenchSync> {
  const { options, world, mounts } = measurement;
  const { secrets, inFlight } = options;
  const origin = await startOrigin(measurement);
  const floor = measurement.helper('floor');
  const rounds = new Rounds<'ms' | 'cpuMs' | 'vaultCpuMs' | 'floorMs' | 'floorCpuMs' | 'floorVaultCpuMs'>();
  let details: Record<string, unknown> = {};
  // The first round warms up both sides, and does not count.
  for (let round = 0; round <= options.rounds; round++) {
    const before = cpuMs(world.origin.pid);
    const cycle = await origin.cycle();
    const between = cpuMs(world.origin.pid);
    expectCycle(cycle, 'unchanged', { read: secrets });
    const bare = await floor.do({ kind: 'scan', origin: world.origin, mounts, inFlight });
    const after = cpuMs(world.origin.pid);
    world.say(`origin cycle, round ${round}: ${cycle.ms} ms, floor ${Math.round(bare.ms)} ms`);
    if (round === 0) continue;
    rounds.add({
      ms: cycle.ms,
      cpuMs: cycle.cpuMs,
      vaultCpuMs: between - before,
      floorMs: bare.ms,
      floorCpuMs: bare.cpuMs,
      floorVaultCpuMs: after - between,
    });
    details = { floorRequests: bare.requests, stepsMs: cycle.result.durationsMs };
    measurement.noteHistory('origin, unchanged', cycle);
  }
  await floor.stop();
  const vaultCpuMs = { ours: rounds.of('vaultCpuMs'), floor: rounds.of('floorVaultCpuMs') };
  measurement.add('origin-cycle', { ...rounds.ratio('ms', 'floorMs'), details: { ...details, vaultCpuMs } });
  const [oursMs, floorMs] = [rounds.of('cpuMs'), rounds.of('floorCpuMs')];
  const value = (oursMs.median - floorMs.median) / secrets;
  measurement.add('origin-cpu', { value, details: { oursMs, floorMs } });
  await measurement.noteSync(origin);
  return origin;
}

/** Starts the worker and the schedule of the origin. @returns after its first cycle */
export async function startOrigin(measurement: Measurement): Promise<BenchSync> {
  const { mounts, options, world } = measurement;
  const { secrets, numBuckets, inFlight: numWorkers } = options;
  const plan = { name: 'main', mounts, numBuckets, numWorkers };
  const [origin, first] = await measurement.publish(plan, secrets);
  measurement.noteHistory('origin, first', first);
  world.say(`origin cycle, everything new: ${first.ms} ms`);
  return origin;
}
