import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { cleanEnvironment, startGuarded, tailOf, type GuardedProcess } from './guarded-process';
import { freePorts } from './ports';

/** A cold start on a busy two-core machine takes some 10 s. */
const DEADLINE_MS = 60_000;
const POLL_MS = 50;
/** Collisions are rare: several in a row mean something else. */
const PORT_ATTEMPTS = 5;
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

/** Options that all start functions share. */
export interface StartOptions {
  /**
   * Where log and data go. It stays after stop(); without it a temporary folder is made, and removed by
   * stop().
   */
  dir?: string;
}

export interface LaunchSpec {
  /** For messages and the log's name. */
  name: string;
  command: string;
  dir: string;
  /** Whether the folder is to be removed even if this process does not come to do it. */
  folderIsOurs: boolean;
  portCount: number;
  /** If given, exactly these are used and a taken one is an error. */
  ports?: readonly number[];
  args: (ports: readonly number[]) => string[];
  /**
   * Resolves to undefined when the server is up, or else to what is missing, for the message at the deadline.
   */
  healthy: (ports: readonly number[], logFile: string) => Promise<string | undefined>;
}

export interface Launched {
  process: GuardedProcess;
  ports: readonly number[];
}

/**
 * Starts a server on free ports and waits until it is healthy. It cannot outlive this process.
 *
 * @throws if it ends before, or is not healthy within a minute; the message ends with the end of its log
 */
export async function launch(spec: LaunchSpec): Promise<Launched> {
  for (let attempt = 1; ; attempt += 1) {
    const ports = spec.ports ?? (await freePorts(spec.portCount));
    const logFile = path.join(spec.dir, `${spec.name}.log`);
    const guarded = await startGuarded({
      command: spec.command,
      args: spec.args(ports),
      // HOME, because servers leave files there (Temporal: its cluster id) that two runs would share.
      env: cleanEnvironment({ HOME: spec.dir, XDG_CONFIG_HOME: spec.dir, CHECKPOINT_DISABLE: '1' }),
      logFile,
      removeIfOrphaned: spec.folderIsOurs ? spec.dir : undefined,
    });
    const trouble = await waitUntilHealthy(spec, guarded, ports);
    if (trouble === undefined) return { process: guarded, ports };
    await guarded.stop('SIGKILL');
    const tail = tailOf(logFile);
    if (spec.ports === undefined && attempt < PORT_ATTEMPTS && PORT_IS_TAKEN.test(tail)) {
      fs.truncateSync(logFile);
      continue;
    }
    throw new Error(`${spec.name} (${spec.command}) ${trouble}. The end of its log:\n${tail}`);
  }
}

async function waitUntilHealthy(
  spec: LaunchSpec,
  guarded: GuardedProcess,
  ports: readonly number[],
): Promise<string | undefined> {
  const deadline = Date.now() + DEADLINE_MS;
  for (;;) {
    const missing = await spec
      .healthy(ports, guarded.logFile)
      .catch((error: unknown) => (error as Error).message);
    // Looked at after the answer: one that came from another server on the same port does not count.
    if (guarded.exit !== undefined) {
      return `ended with ${String(guarded.exit.signal ?? guarded.exit.code)} before it was up`;
    }
    if (missing === undefined) return undefined;
    if (Date.now() > deadline) return `was not up within ${DEADLINE_MS / 1000} s: ${missing}`;
    await sleep(POLL_MS);
  }
}

export interface ServerFolder {
  dir: string;
  isOurs: boolean;
  /** Removes it, if it is ours. */
  remove: () => void;
}

/** The folder for a server's log and data: the caller's, or a temporary one of ours. */
export function serverFolder(name: string, options: StartOptions): ServerFolder {
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

/**
 * Launches in the folder that the options ask for; a folder of our own does not outlive a failed launch.
 *
 * @returns what was launched, with a stop function for `RunningServer`
 */
export async function launchInFolder(
  options: StartOptions,
  spec: Omit<LaunchSpec, 'dir' | 'folderIsOurs'>,
): Promise<Launched & { stop: () => Promise<void> }> {
  const { dir, isOurs, remove } = serverFolder(spec.name, options);
  try {
    const launched = await launch({ ...spec, dir, folderIsOurs: isOurs });
    const stop = async () => {
      await launched.process.stop();
      remove();
    };
    return { ...launched, stop };
  } catch (error) {
    remove();
    throw error;
  }
}
