import { Helper } from '../helper';
import { cpuMs, memoryOf } from '../process-stats';
import { besideFloor, FLOOR_BAR } from '../rows';
import { summarise } from '../statistics';
import { BenchSync } from '../sync';
import { expectCycle, mountsOf, noteHistory, type Measurement } from './measurement';

/**
 * Origin cycles with nothing changed, and the bare requests of such a cycle, in turn: times and CPU.
 *
 * @returns the origin's sync; its worker goes on
 */
export async function measureOrigin(measurement: Measurement): Promise<BenchSync> {
  const { options, world, rows, say } = measurement;
  const { secrets, numBuckets, inFlight, rounds } = options;
  const mounts = mountsOf(measurement);
  const origin = await startOrigin(measurement);
  const floor = Helper.floor();
  world.cleanUps.push(() => floor.stop());

  const ours = { ms: [] as number[], cpuMs: [] as number[], vaultCpuMs: [] as number[] };
  const bare = { ms: [] as number[], cpuMs: [] as number[], vaultCpuMs: [] as number[] };
  let requests = 0;
  let steps: Record<string, number> = {};
  // The first round warms up both sides, and does not count.
  for (let round = 0; round <= rounds; round++) {
    const vaultBefore = cpuMs(world.origin.pid);
    const cycle = await origin.cycle();
    const vaultBetween = cpuMs(world.origin.pid);
    expectCycle(cycle, 'an origin cycle', { outcome: 'unchanged', counts: { read: secrets } });
    const before = cpuMs(floor.pid);
    const done = await floor.do({ kind: 'scan', origin: access(world.origin), mounts, inFlight });
    const floorCpuMs = cpuMs(floor.pid) - before;
    const vaultAfter = cpuMs(world.origin.pid);
    requests = done.requests;
    say(`origin cycle, round ${round}: ${cycle.ms} ms, floor ${Math.round(done.ms)} ms`);
    if (round === 0) continue;
    ours.ms.push(cycle.ms);
    ours.cpuMs.push(cycle.cpuMs);
    bare.ms.push(done.ms);
    bare.cpuMs.push(floorCpuMs);
    ours.vaultCpuMs.push(vaultBetween - vaultBefore);
    bare.vaultCpuMs.push(vaultAfter - vaultBetween);
    steps = cycle.result.durationsMs;
    if (round === rounds) noteHistory(measurement, 'origin, unchanged', cycle);
  }
  await floor.stop();

  const row = {
    id: 'origin-cycle',
    work: 'origin cycle with nothing changed, beside its floor',
    secrets,
    buckets: numBuckets,
    details: {
      floorRequests: requests,
      stepsMs: steps,
      // Of the Vault itself, which shares the machine's cores with both.
      vaultCpuMs: { ours: summarise(ours.vaultCpuMs), floor: summarise(bare.vaultCpuMs) },
    },
  };
  rows.push(besideFloor(row, ours.ms, bare.ms, FLOOR_BAR));
  const [cpu, floorCpu] = [summarise(ours.cpuMs), summarise(bare.cpuMs)];
  rows.push({
    id: 'origin-cpu',
    work: 'CPU of the worker in an origin cycle, for each secret, above that of the floor',
    secrets,
    buckets: numBuckets,
    unit: 'ms',
    value: (cpu.median - floorCpu.median) / secrets,
    bar: { kind: 'at most', limit: 0.15 },
    details: { oursMs: cpu, floorMs: floorCpu },
  });
  const [pid = 0] = origin.pids;
  measurement.memories.push({ worker: 'origin', ...memoryOf(pid) });
  return origin;
}

/** Starts the worker and the schedule of the origin's sync; returns after its first cycle. */
export async function startOrigin(measurement: Measurement): Promise<BenchSync> {
  const { options, world, say } = measurement;
  const { secrets, numBuckets, inFlight: numWorkers } = options;
  const plan = { name: 'main', mounts: mountsOf(measurement), numBuckets, numWorkers };
  const origin = new BenchSync(world, 'origin', plan);
  await origin.work();
  const [first] = await origin.start();
  expectCycle(first, 'the first cycle of the origin', { outcome: 'synced', counts: { read: secrets } });
  noteHistory(measurement, 'origin, first', first);
  say(`origin cycle, everything new: ${first.ms} ms`);
  return origin;
}

function access({ address, token }: { address: string; token: string }): { address: string; token: string } {
  return { address, token };
}
