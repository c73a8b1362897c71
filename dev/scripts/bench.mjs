/**
 * `npm run bench`: sets the checkout up, then runs dev/bench/bench.ts in this same process, so that Ctrl-C and signals
 * reach it directly. Plain Node: it runs before any npm package is installed.
 */
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { isExecutable } from '../servers/lookup.mjs';
import { Problem, readFlags, runMain } from '../shared/command.mjs';
import { setup } from './setup.mjs';

const HELP = `Usage: npm run bench -- [options]

Starts Temporal, Consul and two Vaults, writes secrets to the origin, and compares vsync with its floor: the requests
that no program can avoid. Reports for each bar of docs/benchmarks.md whether it is met.

  --secrets N     number of secrets, from 50; default 10000
  --rounds N      rounds of each measurement; default 3
  --seed N        seed of the data; default 1
  --in-flight N   requests in flight, of vsync (numWorkers) and of the floor; default 16
  --buckets N     numBuckets; default 64
  --only A,B      only these parts: origin, copy, change, requests, workers, latency,
                  connections, feed, bulk, syncer
  --vs NAME=PATH  also run another tool on the same data: vsync (the original) or vault-sync; can be given for both
  --out FILE      write the results as JSON to a file
  --write-docs    write the results into docs/benchmarks.md
  --note TEXT     a sentence about the circumstances, for the page
  --profile DIR   write CPU profiles of the workers there, for the DevTools of Chrome; this distorts the times
  --check         exit code 1 if a bar is missed
  --help          show this text`;

/** The same lists are in dev/bench/results.ts. */
const PARTS = [
  'origin',
  'copy',
  'change',
  'requests',
  'workers',
  'latency',
  'connections',
  'feed',
  'bulk',
  'syncer',
];
const OTHERS = ['vsync', 'vault-sync'];

const FLAGS = {
  secrets: { type: 'string', default: '10000' },
  rounds: { type: 'string', default: '3' },
  seed: { type: 'string', default: '1' },
  'in-flight': { type: 'string', default: '16' },
  buckets: { type: 'string', default: '64' },
  only: { type: 'string', default: PARTS.join(',') },
  vs: { type: 'string', multiple: true, default: [] },
  out: { type: 'string' },
  'write-docs': { type: 'boolean', default: false },
  note: { type: 'string' },
  profile: { type: 'string' },
  check: { type: 'boolean', default: false },
};

/** A flag that is not as the help describes it. */
class FlagError extends Error {}

async function main() {
  const { flags, exitCode } = readFlags(FLAGS, HELP);
  if (flags === undefined) return exitCode;
  let options;
  try {
    options = benchOptions(flags);
  } catch (error) {
    if (!(error instanceof FlagError)) throw error;
    console.error(`error: ${error.message}\n\n${HELP}`);
    return 2;
  }
  if (process.platform !== 'linux')
    throw new Problem('the benchmark reads CPU and memory from /proc: run it on Linux.');
  await setup({ servers: true });
  // Only now: it may just have been installed.
  const tsx = await import('tsx/cjs/api');
  tsx.register();
  const { runBench } = createRequire(import.meta.url)('../bench/bench.ts');
  return runBench(options);
}

/** @returns {import('../bench/results').BenchOptions} */
function benchOptions(flags) {
  const { only, vs, check, note, out, profile, 'write-docs': writeDocs } = flags;
  const number = (name, least, most) => {
    const value = /^\d{1,9}$/.test(flags[name]) ? Number(flags[name]) : NaN;
    if (value >= least && value <= most) return value;
    throw new FlagError(`--${name} must be a whole number from ${least} to ${most}`);
  };
  const numbers = {
    secrets: number('secrets', 50, 1_000_000),
    rounds: number('rounds', 1, 100),
    seed: number('seed', 0, 999_999_999),
    inFlight: number('in-flight', 1, 1_000),
    numBuckets: number('buckets', 1, 65_536),
  };
  if (out !== undefined && !fs.existsSync(path.dirname(path.resolve(out))))
    throw new FlagError(`--out ${out}: there is no folder ${path.dirname(path.resolve(out))}`);
  const parts = only.split(',');
  const unknown = parts.find((part) => !PARTS.includes(part));
  if (unknown !== undefined) throw new FlagError(`--only ${unknown}: there are ${PARTS.join(', ')}`);
  return {
    ...numbers,
    parts,
    versus: Object.fromEntries(vs.map(otherTool)),
    writeDocs,
    check,
    ...(out && { out: path.resolve(out) }),
    ...(profile && { profile: path.resolve(profile) }),
    ...(note && { note }),
  };
}

/** @returns {[tool: string, file: string]} */
function otherTool(pair) {
  const [, tool, file] = /^([^=]+)=(.+)$/.exec(pair) ?? [];
  if (!OTHERS.includes(tool))
    throw new FlagError(
      `--vs ${pair}: give the tool and its path, as in --vs vsync=/usr/local/bin/vsync; there are ${OTHERS.join(', ')}`,
    );
  if (!isExecutable(file))
    throw new FlagError(
      `--vs ${pair}: there is no executable ${file}. Get the tool, which is not part of this project, or leave the flag out`,
    );
  return [tool, path.resolve(file)];
}

await runMain(import.meta.url, main);
