import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';

const SCRIPT = path.join(__dirname, '..', 'servers.mjs');

export interface ServerPaths {
  temporal: string;
  consul: string;
  vault: string;
}

let known: Promise<ServerPaths> | undefined;

/**
 * Where the servers' executables are, by the same rules as `npm run servers`, but nothing is built here: a
 * test must not take ten minutes because a server is missing. Asked once per process.
 *
 * @throws with what to do, if one is missing
 */
export function serverPaths(): Promise<ServerPaths> {
  known ??= ask();
  return known;
}

async function ask(): Promise<ServerPaths> {
  // The script is an ES module, which jest cannot load: so it is run.
  const { stdout } = await promisify(execFile)(process.execPath, [SCRIPT, '--json', '--no-build']).catch(
    (error: unknown) => {
      const { stderr } = error as { stderr?: string };
      throw new Error(`the servers could not be found: ${stderr?.trim() ?? String(error)}`);
    },
  );
  const servers = JSON.parse(stdout) as Record<keyof ServerPaths, { path: string }>;
  return { temporal: servers.temporal.path, consul: servers.consul.path, vault: servers.vault.path };
}
