import { spawn, type ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

const WATCHDOG = path.join(__dirname, 'watchdog.mjs');
const DEFAULT_GRACE_MS = 10_000;

export interface GuardedOptions {
  command: string;
  args: readonly string[];
  /** The whole environment of the command; see `cleanEnvironment`. */
  env: NodeJS.ProcessEnv;
  cwd?: string;
  /** Where its stdout and stderr go; appended to. */
  logFile: string;
  /** How long it may take after the first signal before it is killed; 10 s by default. */
  graceMs?: number;
  /** A folder to remove after the command's end if this process has ended before. */
  removeIfOrphaned?: string;
}

export interface Exit {
  code: number | null;
  signal: string | null;
}

/** A child process that cannot outlive this one, not even when this one is killed with kill -9. */
export interface GuardedProcess {
  /** Of the command itself, not of its watchdog. */
  readonly pid: number;
  readonly logFile: string;
  /** Set once it has ended. */
  readonly exit: Exit | undefined;
  /** Resolves when it has ended, for whatever reason. */
  readonly exited: Promise<Exit>;
  /** Sends a signal (SIGTERM by default), waits for its end, kills it after the grace time. */
  stop(signal?: NodeJS.Signals): Promise<Exit>;
}

type FromWatchdog =
  { type: 'started'; pid: number } | { type: 'failed'; message: string } | ({ type: 'exited' } & Exit);

/**
 * Starts a command under a watchdog, in a session of its own: Ctrl-C in the terminal reaches this process
 * only, which then decides in which order its children end. A running child does not keep this process alive.
 *
 * @throws when the command cannot be started (not found, not executable)
 */
export async function startGuarded(options: GuardedOptions): Promise<GuardedProcess> {
  const { command, args, env, cwd, logFile, graceMs = DEFAULT_GRACE_MS, removeIfOrphaned } = options;
  const log = fs.openSync(logFile, 'a');
  const watchdog = spawn(
    process.execPath,
    [WATCHDOG, JSON.stringify({ command, args, graceMs, removeIfOrphaned })],
    {
      cwd,
      env,
      detached: true,
      stdio: ['ignore', log, log, 'ipc'],
    },
  );
  fs.closeSync(log);
  let reported: Exit | undefined;
  watchdog.on('message', (message: FromWatchdog) => {
    if (message.type === 'exited') reported = { code: message.code, signal: message.signal };
  });
  const watchdogEnded = endOf(watchdog);
  const pid = await started(watchdog, watchdogEnded, command);
  let exit: Exit | undefined;
  const exited = watchdogEnded.then((watchdogExit) => {
    // A watchdog that ended without a report was killed: nothing else would end its command.
    if (reported === undefined) killIfAlive(pid);
    exit = reported ?? watchdogExit;
    return exit;
  });
  watchdog.unref();
  watchdog.channel?.unref();
  return {
    pid,
    logFile,
    exited,
    get exit() {
      return exit;
    },
    stop: (signal = 'SIGTERM') => {
      if (watchdog.connected) {
        // Until it has ended, it does keep this process alive: its end must be awaited.
        watchdog.ref();
        watchdog.send({ type: 'stop', signal }, () => undefined);
      }
      return exited;
    },
  };
}

/** Its end, after everything that it had to say: the two can come in either order. */
async function endOf(watchdog: ChildProcess): Promise<Exit> {
  const silent = new Promise<void>((resolve) => {
    watchdog.once('disconnect', resolve);
  });
  const exit = await new Promise<Exit>((resolve) => {
    watchdog.once('exit', (code, signal) => {
      resolve({ code, signal });
    });
  });
  await silent;
  return exit;
}

function started(watchdog: ChildProcess, ended: Promise<Exit>, command: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const fail = (reason: string) => {
      reject(new Error(`${command} could not be started: ${reason}`));
    };
    watchdog.once('error', (error) => {
      fail(error.message);
    });
    void ended.then(({ code, signal }) => {
      fail(`its watchdog ended with ${String(signal ?? code)}`);
    });
    watchdog.on('message', (message: FromWatchdog) => {
      if (message.type === 'started') resolve(message.pid);
      if (message.type === 'failed') fail(message.message);
    });
  });
}

function killIfAlive(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It had ended by itself.
  }
}

/**
 * This process's environment with `extra`, and without variables that would configure the Vaults, Consul, Temporal or
 * vsync besides the given arguments (a developer's VAULT_TOKEN, for example).
 */
export function cleanEnvironment(extra: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const configures = /^((VAULT|BAO|CONSUL|TEMPORAL|VSYNC)_|HTTPS?_PROXY$)/i;
  const kept = Object.entries(process.env).filter(([name]) => !configures.test(name));
  return { ...Object.fromEntries(kept), ...extra };
}

/** The last lines of a log, indented, for an error message. */
export function tailOf(logFile: string, lines = 25): string {
  let text: string;
  try {
    text = fs.readFileSync(logFile, 'utf8');
  } catch (error) {
    return `  (unreadable: ${(error as Error).message})`;
  }
  const tail = text.trimEnd().split('\n').slice(-lines);
  return tail.map((line) => `  ${line}`).join('\n');
}
