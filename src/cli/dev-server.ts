import { spawn } from 'node:child_process';
import { accessSync, constants, mkdirSync, readdirSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { UserError } from '../errors';
import { temporalPlace } from '../temporal/target';
import type { Options } from './options';

/*
 * `vsync dev-server`: Temporal's own dev server, with its data in a file, for those who have no Temporal. It is one process
 * on this machine, without TLS and without a login. vsync is not linked with it: the `temporal` command does the work.
 */

/** Where `npm run servers` puts what it builds: the same folder as in dev/servers/lookup.mjs. */
function cacheFolder(env: NodeJS.ProcessEnv): string {
  if (env['VSYNC_SERVERS_DIR']) return path.resolve(env['VSYNC_SERVERS_DIR']);
  return path.join(xdgFolder(env, 'XDG_CACHE_HOME', '.cache'), 'vsync', 'servers');
}

/** By the specification of XDG folders, a relative one is ignored. */
function xdgFolder(env: NodeJS.ProcessEnv, name: string, inHome: string): string {
  const given = env[name];
  if (given !== undefined && path.isAbsolute(given)) return given;
  return path.join(env['HOME'] || os.homedir(), inHome);
}

/** The database, unless another file is named. */
function defaultFile(env: NodeJS.ProcessEnv): string {
  return path.join(xdgFolder(env, 'XDG_STATE_HOME', '.local/state'), 'vsync', 'temporal.db');
}

/**
 * The `temporal` command: the first on PATH, else the newest that `npm run servers` has built.
 *
 * @throws UserError with how to get it
 */
export function findTemporal(env: NodeJS.ProcessEnv): string {
  const cache = cacheFolder(env);
  const onPath = (env['PATH'] ?? '').split(path.delimiter).filter((folder) => folder !== '');
  const found = [...onPath, ...builtIn(cache)]
    .map((folder) => path.resolve(folder, 'temporal'))
    .find(isExecutable);
  if (found !== undefined) return found;
  throw new UserError(
    `the command temporal is not on PATH, and not in ${cache}. Install Temporal's CLI (brew install temporal, or ` +
      'https://docs.temporal.io/cli/setup-cli), or run "npm run servers" in a checkout of vsync; then try again',
  );
}

/** Newest version first. */
function builtIn(cache: string): string[] {
  try {
    const names = readdirSync(cache).filter((name) => /^temporal-[\d.]+$/.test(name));
    const order = new Intl.Collator('en', { numeric: true });
    return names.sort((one, other) => order.compare(other, one)).map((name) => path.join(cache, name));
  } catch {
    return [];
  }
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/** Runs until SIGTERM or SIGINT, which the server gets too. @throws UserError if it cannot start, or ends by itself */
export async function runDevServer(options: Options, env = process.env): Promise<void> {
  const temporal = findTemporal(env);
  const file = path.resolve((options['db'] as string | undefined) ?? defaultFile(env));
  const port = (options['port'] as number | undefined) ?? 7233;
  const uiPort = (options['uiPort'] as number | undefined) ?? 8233;
  makeFolder(path.dirname(file));
  const args = [
    ...['server', 'start-dev', '--ip', '127.0.0.1', '--port', String(port)],
    ...['--ui-ip', '127.0.0.1', '--ui-port', String(uiPort)],
    ...['--db-filename', file, '--log-level', 'warn'],
  ];
  console.error(`vsync: runs ${temporal}; its data are in ${file}`);
  console.error(`vsync: web UI http://127.0.0.1:${uiPort}; ${clientHint(port)}`);
  // The file holds names and paths of secrets, never values. Still only its owner reads it.
  process.umask(0o077);
  const server = spawn(temporal, args, { stdio: 'inherit' });
  const stopped = new AbortController();
  const stop = (signal: NodeJS.Signals): void => {
    stopped.abort();
    server.kill(signal);
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
  try {
    const how = await new Promise<string>((resolve, reject) => {
      server.once('error', reject);
      server.once('close', (code, signal) => {
        resolve(code === null ? `by ${String(signal)}` : `with exit code ${code}`);
      });
    });
    if (stopped.signal.aborted) return;
    throw new UserError(
      `Temporal's dev server ended ${how}; its own message is above. If a port is in use, give others with --port and --ui-port`,
    );
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new UserError(
      `--db: the folder ${folder} cannot be created (${String(code)}); name a file elsewhere`,
    );
  }
}

/** Whether vsync finds this server by itself. */
function clientHint(port: number): string {
  const { address } = temporalPlace({});
  const isDefault = address === `localhost:${port}` || address === `127.0.0.1:${port}`;
  return isDefault
    ? 'vsync finds it where no other address of Temporal is configured'
    : `set temporal.address to 127.0.0.1:${port}`;
}
