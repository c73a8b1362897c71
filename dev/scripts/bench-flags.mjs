import fs from 'node:fs';
import path from 'node:path';
import { isExecutable } from '../servers/lookup.mjs';

/** What can be measured on its own; the same list stands in dev/bench/options.ts. */
const PARTS = ['origin', 'copy', 'change', 'requests', 'workers', 'latency', 'connections'];
const OTHERS = ['vsync', 'vault-sync'];

/** For `readFlags`. */
export const BENCH_FLAGS = {
  secrets: { type: 'string', default: '10000' },
  rounds: { type: 'string', default: '3' },
  seed: { type: 'string', default: '1' },
  'in-flight': { type: 'string', default: '16' },
  buckets: { type: 'string', default: '64' },
  only: { type: 'string' },
  vs: { type: 'string', multiple: true, default: [] },
  json: { type: 'boolean', default: false },
  out: { type: 'string' },
  'write-docs': { type: 'boolean', default: false },
  note: { type: 'string' },
  profile: { type: 'string' },
  check: { type: 'boolean', default: false },
};

/**
 * Checks the flags of the benchmark, and puts them in the form of `BenchOptions` in dev/bench/options.ts.
 *
 * @param {Record<string, unknown>} flags as from `readFlags`
 * @returns {{ options?: import('../bench/options').BenchOptions, problem?: string }}
 */
export function benchOptions(flags) {
  const numbers = {};
  for (const [name, least, most] of [
    ['secrets', 50, 1_000_000],
    ['rounds', 1, 100],
    ['seed', 0, 999_999_999],
    ['in-flight', 1, 1_000],
    ['buckets', 1, 65_536],
  ]) {
    const text = flags[name];
    const number = /^\d{1,9}$/.test(text) ? Number(text) : NaN;
    if (!(number >= least && number <= most))
      return { problem: `--${name} must be a whole number from ${least} to ${most}` };
    numbers[name] = number;
  }
  if (flags.out !== undefined && !fs.existsSync(path.dirname(path.resolve(flags.out))))
    return { problem: `--out ${flags.out}: there is no folder ${path.dirname(path.resolve(flags.out))}` };
  const parts = flags.only === undefined ? PARTS : flags.only.split(',');
  const unknown = parts.find((part) => !PARTS.includes(part));
  if (unknown !== undefined) return { problem: `--only ${unknown}: there are ${PARTS.join(', ')}` };
  const versus = {};
  for (const pair of flags.vs) {
    const [, tool, file] = /^([^=]+)=(.+)$/.exec(pair) ?? [];
    if (!OTHERS.includes(tool))
      return {
        problem: `--vs ${pair}: say which tool and where it is, as in --vs vsync=/usr/local/bin/vsync; there are ${OTHERS.join(', ')}`,
      };
    if (!isExecutable(file))
      return {
        problem: `--vs ${pair}: there is no executable ${file}. Get the tool, or leave the flag out: it is not part of this project`,
      };
    versus[tool] = path.resolve(file);
  }
  return {
    options: {
      secrets: numbers.secrets,
      rounds: numbers.rounds,
      seed: numbers.seed,
      inFlight: numbers['in-flight'],
      numBuckets: numbers.buckets,
      parts,
      versus,
      json: flags.json,
      writeDocs: flags['write-docs'],
      check: flags.check,
      ...(flags.out === undefined ? {} : { out: path.resolve(flags.out) }),
      ...(flags.profile === undefined ? {} : { profile: path.resolve(flags.profile) }),
      ...(flags.note === undefined ? {} : { note: flags.note }),
    },
  };
}
