import { spawn } from 'node:child_process';
import path from 'node:path';
import { cleanEnvironment, startGuarded, type GuardedProcess } from './guarded-process';

const ROOT = path.resolve(__dirname, '..', '..');
/** What a user runs; `npm test` has built what is behind it. */
const COMMAND = path.join(ROOT, 'bin', 'vsync');

/** A bound on a hang: a command that needs longer is killed, and then has no exit code. */
const LIMIT_MS = 60_000;

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  /** Its home, where Temporal's own configuration would be looked for; also its working directory. */
  home: string;
  env?: NodeJS.ProcessEnv;
}

/** Runs `vsync` with these arguments until it ends. */
export function runVsync(args: readonly string[], { home, env = {} }: RunOptions): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [COMMAND, ...args], {
      env: environment(home, env),
      cwd: home,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: LIMIT_MS,
      killSignal: 'SIGKILL',
    });
    const ended: Ended = { code: null, stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (ended.stdout += chunk));
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (ended.stderr += chunk));
    child.once('error', reject);
    child.once('close', (code) => {
      resolve({ ...ended, code });
    });
  });
}

/** Starts `vsync` with these arguments, for commands that run until they get a signal. Both outputs go to a file. */
export function startVsync(
  args: readonly string[],
  { home, env = {}, nodeArgs = [] }: RunOptions & { nodeArgs?: readonly string[] },
): Promise<GuardedProcess> {
  return startGuarded({
    command: process.execPath,
    args: [...nodeArgs, COMMAND, ...args],
    env: environment(home, env),
    cwd: home,
    logFile: path.join(home, `vsync-${args[0] ?? ''}.log`),
    graceMs: LIMIT_MS,
  });
}

function environment(home: string, extra: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return cleanEnvironment({ HOME: home, XDG_CONFIG_HOME: home, ...extra });
}
