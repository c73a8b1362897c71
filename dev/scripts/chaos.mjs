/**
 * `npm run test:chaos`: the chaos test alone, with a duration and a seed. Plain Node: it runs
 * before any npm package is installed.
 */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { ROOT, readFlags, runMain } from '../shared/command.mjs';
import { setup } from './setup.mjs';

const HELP = `Usage: npm run test:chaos -- [--minutes N] [--seed S]

Performs random changes, faults, kills of workers and servers, and changes of the configuration on real servers, and
compares the result with a model. A run ends early enough for its last checks. A violation prints its seed, which
repeats the actions.

  --minutes N  how long; 2 if not given
  --seed S     where to begin, a whole number; a random one if not given
  --help       show this text`;

async function main() {
  const { flags, exitCode } = readFlags({ minutes: { type: 'string' }, seed: { type: 'string' } }, HELP);
  if (flags === undefined) return exitCode;
  const { minutes, seed } = flags;
  if (minutes !== undefined && !(Number(minutes) > 0)) return refuse('--minutes must be a number above 0');
  if (seed !== undefined && !/^\d{1,9}$/.test(seed))
    return refuse('--seed must be a whole number of at most 9 digits');
  await setup({ servers: true });
  const jest = path.join(ROOT, 'node_modules', 'jest', 'bin', 'jest.js');
  const child = spawn(process.execPath, [jest, '--selectProjects', 'chaos'], {
    cwd: ROOT,
    stdio: 'inherit',
    env: {
      ...process.env,
      ...(minutes === undefined ? {} : { VSYNC_CHAOS_MINUTES: minutes }),
      ...(seed === undefined ? {} : { VSYNC_CHAOS_SEED: seed }),
    },
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

function refuse(problem) {
  console.error(`error: ${problem}\n\n${HELP}`);
  return 2;
}

await runMain(import.meta.url, main);
