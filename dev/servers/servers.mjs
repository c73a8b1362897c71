/**
 * `npm run servers`: finds Temporal, Consul and Vault on PATH, else in the cache, else builds them from the
 * Go modules in dev/servers/modules/. Plain Node: it runs before any npm package is installed.
 */
import { buildServer } from './build-server.mjs';
import { checkGo } from './go.mjs';
import { findServer } from './lookup.mjs';
import { Problem, readFlags, runMain } from '../shared/command.mjs';
import { readVersions, SERVER_NAMES } from './server-list.mjs';

const HELP = `Usage: npm run servers -- [options]

Finds the Temporal, Consul and Vault servers that the tests and the demo run: on PATH, else in the cache folder,
else builds them with Go into the cache folder, and prints where they are.

  --json      print the answer as JSON on stdout, everything else on stderr
  --no-build  do not build: fail if one is missing
  --help      show this text

The cache folder is $VSYNC_SERVERS_DIR, else $XDG_CACHE_HOME/vsync/servers, else ~/.cache/vsync/servers.`;

/**
 * Where each server is and of which version.
 *
 * @param {{ log: (line: string) => void, build?: boolean, env?: NodeJS.ProcessEnv }} options
 *   `log` receives warnings and progress; nothing if all is there
 * @returns {Promise<Record<string, { path: string, version: string, source: 'PATH' | 'cache' | 'built' }>>}
 * @throws {Problem} when one is missing and cannot be built
 */
export async function resolveServers({ log, build = true, env = process.env }) {
  const versions = readVersions();
  const entries = await Promise.all(
    SERVER_NAMES.map(async (name) => [name, await findServer(name, versions[name].version, env)]),
  );
  for (const [, { warnings }] of entries) for (const warning of warnings) log(`warning: ${warning}`);
  const missing = entries.filter(([, found]) => found.path === undefined).map(([name]) => name);
  const servers = Object.fromEntries(
    entries.map(([name, { path, version, source }]) => [name, { path, version, source }]),
  );
  if (missing.length === 0) return servers;
  if (!build) {
    throw new Problem(
      `not found on PATH or in the cache folder: ${missing.join(', ')}. Run: npm run servers`,
    );
  }
  checkGo(missing, env);
  // One after another: each build uses every core there is.
  for (const name of missing) servers[name] = await buildServer(name, versions[name], { log, env });
  return servers;
}

/**
 * The servers' executables, built first where necessary.
 *
 * @param {Parameters<typeof resolveServers>[0]} options
 * @returns {Promise<{ temporal: string, consul: string, vault: string }>} absolute paths
 */
export async function ensureServers(options) {
  const servers = await resolveServers(options);
  return Object.fromEntries(Object.entries(servers).map(([name, { path }]) => [name, path]));
}

async function main() {
  const { flags, exitCode } = readFlags({ json: { type: 'boolean' }, 'no-build': { type: 'boolean' } }, HELP);
  if (flags === undefined) return exitCode;
  const log = flags.json ? console.error : console.log;
  const servers = await resolveServers({ log, build: !flags['no-build'] });
  if (flags.json) {
    console.log(JSON.stringify(servers, null, 2));
  } else {
    for (const [name, { path, version, source }] of Object.entries(servers)) {
      console.log(`${name.padEnd(8)} ${version.padEnd(8)} ${source.padEnd(5)} ${path}`);
    }
  }
  return 0;
}

await runMain(import.meta.url, main);
