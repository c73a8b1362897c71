/**
 * `npm run servers`: finds Temporal, Consul and Vault on PATH, else in the cache, else builds them from the
 * Go modules in dev/servers/modules/; with --syncer also etcd, kube-apiserver, helm and nginx. Plain Node: it runs before any
 * npm package is installed.
 */
import { buildServer } from './build-server.mjs';
import { checkGo } from './go.mjs';
import { findServer } from './lookup.mjs';
import { Problem, readFlags, runMain } from '../shared/command.mjs';
import { findNginx, ensureNginx } from './nginx.mjs';
import { readVersions, SERVER_NAMES, SYNCER_SERVER_NAMES } from './server-list.mjs';

const HELP = `Usage: npm run servers -- [options]

Finds the Temporal, Consul and Vault servers that the tests and the demo run: on PATH, else in the cache folder,
else builds them with Go into the cache folder, and prints where they are.

  --syncer    also etcd, kube-apiserver and helm, and nginx with its Lua module, unpacked from Debian's packages:
              the tests of Syncer run them; without nginx some of these tests are skipped
  --openbao   Vault may be missing: an OpenBao, which is not built here, takes its place
  --json      print the answer as JSON on stdout, everything else on stderr
  --no-build  do not build: fail if one is missing
  --help      show this text

The cache folder is $VSYNC_SERVERS_DIR, else $XDG_CACHE_HOME/vsync/servers, else ~/.cache/vsync/servers.`;

/**
 * Where each server is and of which version.
 *
 * @param {{ log: (line: string) => void, build?: boolean, syncer?: boolean, openbao?: boolean, env?: NodeJS.ProcessEnv }} options
 *   `log` receives warnings and progress; nothing if all is there. `syncer` adds the servers of Syncer's tests. With
 *   `openbao` no Vault is built
 * @returns {Promise<Record<string, { path: string, version: string, source: 'PATH' | 'cache' | 'built' }>>} `nginx` is
 *   absent if it cannot be had, `vault` if it is missing and not needed
 * @throws {Problem} when another one is missing and cannot be built
 */
export async function resolveServers({
  log,
  build = true,
  syncer = false,
  openbao = false,
  env = process.env,
}) {
  const servers = await resolveBuilt(syncer ? [...SERVER_NAMES, ...SYNCER_SERVER_NAMES] : SERVER_NAMES, {
    ...{ log, build, syncer, openbao, env },
  });
  const nginx = syncer ? await resolveNginx({ log, build, env }) : undefined;
  return nginx === undefined ? servers : { ...servers, nginx };
}

async function resolveBuilt(names, { log, build, syncer, openbao, env }) {
  const versions = readVersions();
  const entries = await Promise.all(
    names.map(async (name) => [name, await findServer(name, versions[name].version, env)]),
  );
  for (const [, { warnings }] of entries) for (const warning of warnings) log(`warning: ${warning}`);
  const isNeeded = ([name, found]) => found.path !== undefined || !(openbao && name === 'vault');
  const needed = entries.filter(isNeeded);
  const missing = needed.filter(([, found]) => found.path === undefined).map(([name]) => name);
  const servers = Object.fromEntries(
    needed.map(([name, { path, version, source }]) => [name, { path, version, source }]),
  );
  if (missing.length === 0) return servers;
  if (!build) {
    throw new Problem(
      `not found on PATH or in the cache folder: ${missing.join(', ')}. Run: npm run servers${syncer ? ' -- --syncer' : ''}`,
    );
  }
  checkGo(missing, env);
  // One after another: each build uses every core there is.
  for (const name of missing) servers[name] = await buildServer(name, versions[name], { log, env });
  return servers;
}

/** Not a failure: a machine without Debian's packages can run everything else. */
async function resolveNginx({ log, build, env }) {
  if (!build) return findNginx(env);
  try {
    return await ensureNginx({ log, env });
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    log(`warning: ${error.message}\nwarning: the tests of Syncer that need nginx are SKIPPED`);
    return undefined;
  }
}

/**
 * The servers' executables, built first where necessary.
 *
 * @param {Parameters<typeof resolveServers>[0]} options
 * @returns {Promise<Record<string, string>>} absolute paths, by name
 */
export async function ensureServers(options) {
  const servers = await resolveServers(options);
  return Object.fromEntries(Object.entries(servers).map(([name, { path }]) => [name, path]));
}

async function main() {
  const options = {
    syncer: { type: 'boolean' },
    openbao: { type: 'boolean' },
    json: { type: 'boolean' },
    'no-build': { type: 'boolean' },
  };
  const { flags, exitCode } = readFlags(options, HELP);
  if (flags === undefined) return exitCode;
  const log = flags.json ? console.error : console.log;
  const { syncer, openbao } = flags;
  const servers = await resolveServers({ log, build: !flags['no-build'], syncer, openbao });
  if (flags.json) {
    console.log(JSON.stringify(servers, null, 2));
  } else {
    for (const [name, { path, version, source }] of Object.entries(servers)) {
      console.log(`${name.padEnd(14)} ${version.padEnd(8)} ${source.padEnd(8)} ${path}`);
    }
  }
  return 0;
}

await runMain(import.meta.url, main);
