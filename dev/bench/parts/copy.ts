import { Helper } from '../helper';
import { cpuMs, memoryOf } from '../process-stats';
import { besideFloor, FLOOR_BAR } from '../rows';
import { summarise } from '../statistics';
import { BenchSync, type MeasuredCycle } from '../sync';
import { freshMounts } from '../world';
import { expectCycle, mountsOf, noteHistory, type Measurement } from './measurement';

/**
 * First copies, each into fresh mounts and by a fresh worker with a sync path of its own, and the bare requests of
 * one, by a fresh process too, in turn.
 *
 * @returns the destination's sync of the last round; its worker and its watch go on
 */
export async function measureCopy(measurement: Measurement, origin: BenchSync): Promise<BenchSync> {
  const { options, world, data, rows, say } = measurement;
  const { secrets, numBuckets, inFlight, rounds } = options;
  const mounts = mountsOf(measurement);
  const ours: MeasuredCycle[] = [];
  const bare: { ms: number; cpuMs: number }[] = [];
  let destination: BenchSync | undefined;
  for (let round = 1; round <= rounds; round++) {
    await destination?.stop();
    await freshMounts(world, mounts);
    bare.push(await floorCopy(measurement));

    await freshMounts(world, mounts);
    const plan = { name: `copy-${round}`, mounts, numBuckets, numWorkers: inFlight };
    destination = new BenchSync(world, 'destination', plan, origin);
    await destination.work();
    const [first] = await destination.start();
    expectCycle(first, 'a first copy', { outcome: 'synced', counts: { added: secrets } });
    ours.push(first);
    say(`first copy, round ${round}: ${first.ms} ms, floor ${Math.round(bare.at(-1)?.ms ?? 0)} ms`);
  }
  const last = ours.at(-1);
  if (destination === undefined || last === undefined) throw new RangeError('there must be a round');
  noteHistory(measurement, 'destination, first copy', last);

  const details = {
    floorRequests: 2 * data.reduce((sum, { paths }) => sum + paths.length, 0),
    cpuMs: summarise(ours.map((cycle) => cycle.cpuMs)),
    floorCpuMs: summarise(bare.map((done) => done.cpuMs)),
    stepsMs: last.result.durationsMs,
  };
  const row = {
    id: 'first-copy',
    work: 'first copy, beside its floor',
    secrets,
    buckets: numBuckets,
    details,
  };
  rows.push(
    besideFloor(
      row,
      ours.map(({ ms }) => ms),
      bare.map(({ ms }) => ms),
      FLOOR_BAR,
    ),
  );
  const [pid = 0] = destination.pids;
  measurement.memories.push({ worker: 'destination', ...memoryOf(pid) });
  return destination;
}

async function floorCopy({ options, world, data }: Measurement): Promise<{ ms: number; cpuMs: number }> {
  const { inFlight } = options;
  const [origin, destination] = [world.origin, world.destination].map(({ address, token }) => {
    return { address, token };
  });
  if (origin === undefined || destination === undefined) throw new RangeError('there are two Vaults');
  const floor = Helper.floor();
  world.cleanUps.push(() => floor.stop());
  try {
    // Warms up what a worker warms up by its checks: the start of Node and the loading of its code.
    await floor.do({ kind: 'scan', origin, mounts: [], inFlight });
    const before = cpuMs(floor.pid);
    const { ms } = await floor.do({ kind: 'copy', origin, destination, data, inFlight });
    return { ms, cpuMs: cpuMs(floor.pid) - before };
  } finally {
    await floor.stop();
  }
}
