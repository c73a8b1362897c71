import { writeFileSync } from 'node:fs';
import { runWork, type Run } from '../shared/run';
import { describeMachine } from './machine';
import { Measurement, twoMounts } from './measurement';
import { measureBulk } from './parts/bulk';
import { measureConnections } from './parts/connections';
import { measureLatency, measureWorkers } from './parts/distant';
import { measureFeed } from './parts/feed';
import { measureNear } from './parts/near';
import { measureOther } from './parts/others';
import { measureRequests } from './parts/requests';
import { measureSyncer } from './parts/syncer';
import { formatted, PAGE, tables, writePage } from './report';
import { isMet, jsonText, OTHERS, type BenchOptions, type Results } from './results';
import { fillOrigin, startWorld } from './world';

/** A run that takes longer hangs. As much is added for each 10,000 secrets and round. */
const LIMIT_MINUTES = 30;

/** Runs the benchmark. @returns the exit code */
export function runBench(options: BenchOptions): Promise<number> {
  return runWork('bench', async (run) => {
    const minutes = Math.round(LIMIT_MINUTES * (1 + (options.secrets / 10_000) * options.rounds));
    const tooLong = new Error(`the benchmark did not end within ${minutes} minutes`);
    setTimeout(run.fail, minutes * 60_000, tooLong).unref();
    const results = await measure(options, run);
    await show(results, options);
    return options.check && !results.rows.every(isMet) ? 1 : 0;
  });
}

async function measure(options: BenchOptions, run: Run): Promise<Results> {
  const { secrets, seed, rounds, inFlight, note, parts, versus } = options;
  const machine = await describeMachine();
  console.log(`${machine.cpu}, ${machine.cores} cores, Node.js ${machine.node}, load ${machine.loadBefore}`);
  // First, and without the servers, which would take CPU from it.
  const ofSyncer = parts.includes('syncer') ? await measureSyncer(options, run) : [];
  const needsServers = parts.some((part) => part !== 'syncer') || Object.keys(versus).length > 0;
  const { rows, sizes, others } = needsServers
    ? await measureOnServers(options, run)
    : { rows: [], sizes: [], others: [] };
  const date = new Date().toISOString();
  const common = { date, machine, seed, secrets, rounds, inFlight, note };
  return { ...common, rows: [...rows, ...ofSyncer], sizes, others };
}

/** All parts that need Temporal, Consul and two Vaults. */
async function measureOnServers(options: BenchOptions, run: Run): Promise<Measurement> {
  const { parts, secrets, seed, versus, profile } = options;
  const world = await startWorld(run, profile);
  const measurement = new Measurement(options, world, twoMounts(secrets, seed));
  for (const data of measurement.data) await fillOrigin(world, data, seed);
  await measureNear(measurement);
  if (parts.includes('requests')) await measureRequests(measurement);
  if (parts.includes('workers')) await measureWorkers(measurement);
  if (parts.includes('latency')) await measureLatency(measurement);
  if (parts.includes('connections')) await measureConnections(measurement);
  if (parts.includes('feed')) await measureFeed(measurement);
  if (parts.includes('bulk')) await measureBulk(measurement);
  for (const tool of OTHERS) {
    const command = versus[tool];
    if (command !== undefined) await measureOther(measurement, tool, command);
  }
  measurement.addMaxima();
  return measurement;
}

async function show(results: Results, options: BenchOptions): Promise<void> {
  console.log(`\n${await formatted(tables(results))}`);
  const missed = results.rows.filter((row) => !isMet(row));
  console.log(missed.length === 0 ? 'all bars are met' : `missed: ${missed.map(({ id }) => id).join(', ')}`);
  if (options.profile !== undefined)
    console.log(`CPU profiles, for the DevTools of Chrome: ${options.profile}`);
  if (options.out !== undefined) {
    writeFileSync(options.out, jsonText(results));
    console.log(`written: ${options.out}`);
  }
  if (options.writeDocs) {
    await writePage(results);
    console.log(`written: ${PAGE}`);
  }
}
