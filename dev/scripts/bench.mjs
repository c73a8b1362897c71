/**
 * `npm run bench`: brings the checkout into working order, then runs dev/bench/bench.ts in this same process, so that
 * Ctrl-C and signals reach it directly. Plain Node: it runs before any npm package is installed.
 */
import { createRequire } from 'node:module';
import { BENCH_FLAGS, benchOptions } from './bench-flags.mjs';
import { Problem, readFlags, runMain } from '../shared/command.mjs';
import { setup } from './setup.mjs';

const HELP = `Usage: npm run bench -- [options]

Starts Temporal, Consul and two Vaults, writes secrets to the origin, and measures vsync beside the bare requests that
nobody can do without (the floor), in turn. Says of each bar of docs/benchmarks.md whether it is met.

  --secrets N     how many secrets, from 50; 10000 if not given
  --rounds N      rounds of each measurement; 3
  --seed N        of the data; 1
  --in-flight N   requests in flight: numWorkers, and the floor's; 16
  --buckets N     numBuckets; 64
  --only A,B      only these parts: origin, copy, change, requests, workers, latency, connections
  --vs NAME=PATH  also run another tool on the same data: vsync (the original) or vault-sync; can be given for both
  --json          print the results as JSON on stdout, all else on stderr
  --out FILE      write the results as JSON to a file
  --write-docs    write the results into docs/benchmarks.md and docs/benchmarks.svg
  --note TEXT     a sentence about the circumstances, for the page
  --profile DIR   write CPU profiles of the workers there, and print where their time went; the times then mean little
  --check         exit code 1 if a bar is missed
  --help          show this text`;

async function main() {
  const { flags, exitCode } = readFlags(BENCH_FLAGS, HELP);
  if (flags === undefined) return exitCode;
  const { options, problem } = benchOptions(flags);
  if (problem !== undefined) {
    console.error(`error: ${problem}\n\n${HELP}`);
    return 2;
  }
  if (process.platform !== 'linux')
    throw new Problem('the benchmark reads CPU and memory from /proc: run it on Linux.');
  await setup({ servers: true, log: options.json ? console.error : console.log });
  // Only now: it may just have been installed.
  const tsx = await import('tsx/cjs/api');
  tsx.register();
  const { runBench } = createRequire(import.meta.url)('../bench/bench.ts');
  return runBench(options);
}

await runMain(import.meta.url, main);
