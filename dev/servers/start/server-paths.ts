import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';

const SCRIPT = path.join(__dirname, '..', 'servers.mjs');

type ServerName = 'temporal' | 'consul' | 'vault';

export type ServerPaths = Record<ServerName, string>;

let known: Promise<Record<ServerName, { path: string; version: string }>> | undefined;

/**
 * Where the servers' executables are, by the same rules as `npm run servers`. Nothing is built here: a test must not
 * take ten minutes because a server is missing. Asked once per process.
 *
 * @throws with what to do, if one is missing
 */
export async function serverPaths(): Promise<ServerPaths> {
  const { temporal, consul, vault } = await (known ??= ask());
  return { temporal: temporal.path, consul: consul.path, vault: vault.path };
}

export async function serverVersions(): Promise<Record<ServerName, string>> {
  const { temporal, consul, vault } = await (known ??= ask());
  return { temporal: temporal.version, consul: consul.version, vault: vault.version };
}

async function ask(): Promise<Record<ServerName, { path: string; version: string }>> {
  // The script is an ES module, which jest cannot load: so it runs as a process.
  const { stdout } = await promisify(execFile)(process.execPath, [SCRIPT, '--json', '--no-build']).catch(
    (error: unknown) => {
      const { stderr } = error as { stderr?: string };
      throw new Error(`the servers could not be found: ${stderr?.trim() ?? String(error)}`);
    },
  );
  return JSON.parse(stdout) as Record<ServerName, { path: string; version: string }>;
}
