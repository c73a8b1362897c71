import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { cleanEnvironment, startGuarded, tailOf, type GuardedProcess } from '../../shared/guarded-process';
import { freePorts } from './ports';

/** A cold start on a busy two-core machine takes some 10 s. */
const DEADLINE_MS = 60_000;
const POLL_MS = 50;
/** Collisions are rare: several in a row mean something else. */
const PORT_ATTEMPTS = 5;
const PORT_PAUSE_MS = 1_000;
const PORT_IS_TAKEN = /address already in use|EADDRINUSE/i;

/** What every started server has. */
export interface RunningServer {
  /** What clients connect to: `host:port` for Temporal, a URL for Consul and Vault. */
  readonly address: string;
  readonly port: number;
  readonly pid: number;
  readonly logFile: string;
  /** Ends the process and, if the folder was made here, removes its folder with the log. */
  stop(): Promise<void>;
}

/** A server that can be ended and started again where it was: on its ports, with what its folder holds. */
export interface RestartableServer extends RunningServer {
  /** Ends the process (SIGTERM by default) and leaves its folder alone, so that restart() can follow. */
  halt(signal?: NodeJS.Signals): Promise<void>;
  /** Ends the process if it runs, starts it again, and waits until it is healthy. */
  restart(): Promise<void>;
}

/** Options that all start functions share. */
export interface StartOptions {
  /**
   * Where log and data go. It stays after stop(); without it a temporary folder is made, and removed by
   * stop().
   */
  dir?: string;
}

interface LaunchSpec {
  /** For messages and the log's name. */
  name: string;
  command: string;
  dir: string;
  /** Whether the folder is to be removed even if this process does not come to do it. */
  folderIsOurs: boolean;
  portCount: number;
  /** If given, exactly these are used. */
  ports?: readonly number[];
  args: (ports: readonly number[], dir: string) => string[];
  /** Added to its environment. */
  env?: NodeJS.ProcessEnv;
  /**
   * Resolves to undefined when the server is up, or else to what is missing, for the message at the deadline.
   *
   * @param log what this process has logged until now
   */
  healthy: (ports: readonly number[], log: () => string) => Promise<string | undefined>;
}

interface Launched {
  process: GuardedProcess;
  ports: readonly number[];
}

/**
 * Starts a server on free ports and waits until it is healthy. It cannot outlive this process.
 *
 * @throws if it ends before, or is not healthy within a minute; the message ends with the end of its log
 */
async function launch(spec: LaunchSpec): Promise<Launched> {
  for (let attempt = 1; ; attempt += 1) {
    const ports = spec.ports ?? (await freePorts(spec.portCount));
    const logFile = path.join(spec.dir, `${spec.name}.log`);
    const loggedBefore = fs.existsSync(logFile) ? fs.statSync(logFile).size : 0;
    const log = (): string => fs.readFileSync(logFile).subarray(loggedBefore).toString();
    const guarded = await startGuarded({
      command: spec.command,
      args: spec.args(ports, spec.dir),
      // HOME, because servers leave files there (Temporal: its cluster id) that two runs would share.
      env: cleanEnvironment({
        HOME: spec.dir,
        XDG_CONFIG_HOME: spec.dir,
        CHECKPOINT_DISABLE: '1',
        ...spec.env,
      }),
      logFile,
      removeIfOrphaned: spec.folderIsOurs ? spec.dir : undefined,
    });
    const trouble = await waitUntilHealthy(spec, guarded, ports, log);
    if (trouble === undefined) return { process: guarded, ports };
    await guarded.stop('SIGKILL');
    if (attempt < PORT_ATTEMPTS && PORT_IS_TAKEN.test(log())) {
      // A restarted server waits until its ports are free again: mostly a connection of another process has borrowed one.
      if (spec.ports !== undefined) await sleep(PORT_PAUSE_MS);
      continue;
    }
    throw new Error(`${spec.name} (${spec.command}) ${trouble}. The end of its log:\n${tailOf(logFile)}`);
  }
}

async function waitUntilHealthy(
  spec: LaunchSpec,
  guarded: GuardedProcess,
  ports: readonly number[],
  log: () => string,
): Promise<string | undefined> {
  const deadline = Date.now() + DEADLINE_MS;
  for (;;) {
    const missing = await spec.healthy(ports, log).catch((error: unknown) => (error as Error).message);
    // Looked at after the answer: one that came from another server on the same port does not count.
    if (guarded.exit !== undefined) {
      return `ended with ${String(guarded.exit.signal ?? guarded.exit.code)} before it was up`;
    }
    if (missing === undefined) return undefined;
    if (Date.now() > deadline) return `was not up within ${DEADLINE_MS / 1000} s: ${missing}`;
    await sleep(POLL_MS);
  }
}

interface ServerFolder {
  dir: string;
  isOurs: boolean;
  /** Removes it, if it is ours. */
  remove: () => void;
}

/** The folder for a server's log and data: the caller's, or a temporary one of ours. */
function serverFolder(name: string, options: StartOptions): ServerFolder {
  if (options.dir !== undefined) {
    fs.mkdirSync(options.dir, { recursive: true });
    return { dir: options.dir, isOurs: false, remove: () => undefined };
  }
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), `vsync-${name}-`));
  return {
    dir,
    isOurs: true,
    remove: () => {
      fs.rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** A server in its folder, with everything that `RestartableServer` needs but the address. */
export type LaunchedServer = Omit<RestartableServer, 'address'> & { readonly ports: readonly number[] };

/**
 * Launches in the folder that the options ask for; a folder of our own does not outlive a failed launch.
 */
export async function launchInFolder(
  options: StartOptions,
  spec: Omit<LaunchSpec, 'dir' | 'folderIsOurs'>,
): Promise<LaunchedServer> {
  const { dir, isOurs, remove } = serverFolder(spec.name, options);
  const start = (ports?: readonly number[]): Promise<Launched> =>
    launch({ ...spec, dir, folderIsOurs: isOurs, ...(ports === undefined ? {} : { ports }) });
  try {
    const { ports, process: first } = await start(spec.ports);
    let current = first;
    const halt = async (signal?: NodeJS.Signals): Promise<void> => {
      await current.stop(signal);
    };
    return {
      ports,
      port: ports[0] ?? 0,
      get pid() {
        return current.pid;
      },
      logFile: first.logFile,
      halt,
      restart: async () => {
        await halt();
        current = (await start(ports)).process;
      },
      stop: async () => {
        await halt();
        remove();
      },
    };
  } catch (error) {
    remove();
    throw error;
  }
}
