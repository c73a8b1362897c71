import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { abortOnSignals, abortWhenNpmIsGone, Interrupted } from '../shared/interruption';
import { twoMounts } from './data';
import { describeMachine } from './machine';
import { OTHERS, type BenchOptions } from './options';
import { measureChange } from './parts/change';
import { measureConnections } from './parts/connections';
import { measureCopy } from './parts/copy';
import { measureLatency } from './parts/latency';
import type { Measurement } from './parts/measurement';
import { measureOrigin, startOrigin } from './parts/origin';
import { measureOther, type OtherRow } from './parts/others';
import { measureRequests } from './parts/requests';
import { measureWorkers } from './parts/workers';
import { describeProfiles } from './profile';
import { jsonText, PAGE, PLOT, writeDocs, type Results } from './results';
import { historyRows, isMet, memoryRows, type Row } from './rows';
import { consulSizes } from './sizes';
import { cellsOf, HEADINGS, OTHER_HEADINGS, otherCellsOf, textTable } from './table';
import { fillOrigin, startWorld, type CleanUps } from './world';

/** A run that takes longer hangs: half an hour, and as much for each 10,000 secrets and round. */
const LIMIT_MS = 30 * 60_000;

/** Functions that are shown of each profile. */
const PROFILE_LINES = 15;

/** Runs the benchmark. @returns the exit code */
export async function runBench(options: BenchOptions): Promise<number> {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'vsync-bench-'));
  const controller = new AbortController();
  abortOnSignals(controller);
  abortWhenNpmIsGone(controller);
  const limitMs = LIMIT_MS * (1 + (options.secrets / 10_000) * options.rounds);
  const timer = setTimeout(() => {
    controller.abort(new Error(`the benchmark did not end within ${Math.round(limitMs / 60_000)} minutes`));
  }, limitMs);
  const say = (text: string): void => {
    process[options.json ? 'stderr' : 'stdout'].write(`${text}\n`);
  };
  const cleanUps: CleanUps = [];
  let exitCode = 0;
  try {
    const results = await measure(options, { dir, signal: controller.signal, cleanUps, say });
    await give(results, options, say);
    if (options.check && !results.rows.every(isMet)) exitCode = 1;
  } catch (error) {
    const ended: unknown = controller.signal.aborted ? controller.signal.reason : error;
    exitCode = ended instanceof Interrupted ? ended.exitCode : 1;
    process.stderr.write(`error: ${ended instanceof Error ? ended.message : String(ended)}\n`);
  }
  clearTimeout(timer);
  for (const cleanUp of cleanUps.reverse()) {
    await cleanUp().catch((error: unknown) => {
      process.stderr.write(`error: tidying up: ${(error as Error).message}\n`);
    });
  }
  fs.rmSync(dir, { recursive: true, force: true });
  return exitCode;
}

interface Run {
  dir: string;
  signal: AbortSignal;
  cleanUps: CleanUps;
  say: (text: string) => void;
}

async function measure(options: BenchOptions, { dir, signal, cleanUps, say }: Run): Promise<Results> {
  const { secrets, seed, rounds, inFlight, numBuckets, note, profile, versus } = options;
  const parts = new Set(options.parts);
  const machine = await describeMachine();
  say(`${machine.cpu}, ${machine.cores} cores, Node.js ${machine.node}, load ${machine.loadBefore}`);
  const world = await startWorld({ dir, profile, signal, cleanUps });
  const rows: Row[] = [];
  const measurement: Measurement = {
    options,
    world,
    data: twoMounts(secrets, seed),
    rows,
    memories: [],
    histories: [],
    sizes: [],
    say,
  };
  say(`writing ${secrets} secrets to the origin, seed ${seed}`);
  for (const data of measurement.data) await fillOrigin(world, data, seed);

  if (parts.has('origin') || parts.has('copy') || parts.has('change')) {
    const origin = await (parts.has('origin') ? measureOrigin : startOrigin)(measurement);
    measurement.sizes.push(...(await consulSizes(world, origin)));
    if (parts.has('copy') || parts.has('change')) {
      const destination = await measureCopy(measurement, origin);
      measurement.sizes.push(...(await consulSizes(world, destination)));
      if (parts.has('change')) await measureChange(measurement, origin, destination);
      await destination.stop();
    }
    await origin.stop();
  }
  if (parts.has('requests')) await measureRequests(measurement);
  if (parts.has('workers')) await measureWorkers(measurement);
  if (parts.has('latency')) await measureLatency(measurement);
  if (parts.has('connections')) await measureConnections(measurement);
  const others: OtherRow[] = [];
  for (const tool of OTHERS) {
    const command = versus[tool];
    if (command !== undefined) others.push(...(await measureOther(measurement, tool, command)));
  }
  rows.push(...memoryRows(measurement.memories, secrets, numBuckets));
  rows.push(...historyRows(measurement.histories, secrets, numBuckets));
  return {
    date: new Date().toISOString(),
    machine,
    seed,
    secrets,
    rounds,
    inFlight,
    ...(note === undefined ? {} : { note }),
    rows,
    sizes: measurement.sizes,
    others,
  };
}

async function give(results: Results, options: BenchOptions, say: (text: string) => void): Promise<void> {
  say(`\n${textTable(HEADINGS, results.rows.map(cellsOf))}`);
  if (results.others.length > 0) say(`\n${textTable(OTHER_HEADINGS, results.others.map(otherCellsOf))}`);
  const missed = results.rows.filter((row) => !isMet(row));
  say(missed.length === 0 ? '\nall bars are met' : `\nmissed: ${missed.map(({ id }) => id).join(', ')}`);
  if (options.profile !== undefined) {
    for (const folder of fs.readdirSync(options.profile, { withFileTypes: true })) {
      if (!folder.isDirectory()) continue;
      const described = describeProfiles(path.join(options.profile, folder.name), PROFILE_LINES);
      say(
        [
          `\n${path.join(options.profile, folder.name)}, time in the functions themselves:`,
          ...described,
        ].join('\n'),
      );
    }
  }
  if (options.json) process.stdout.write(jsonText(results));
  if (options.out !== undefined) {
    fs.writeFileSync(options.out, jsonText(results));
    say(`written: ${options.out}`);
  }
  if (options.writeDocs) {
    await writeDocs(results);
    say(`written: ${PAGE}, ${PLOT}`);
  }
}
