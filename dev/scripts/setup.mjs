/**
 * `npm run setup`: sets a checkout up. It installs the npm packages, builds dist/ and, with --servers, finds or builds the
 * servers. It changes nothing that is up to date, so npm test and npm run demo call it each time. Plain Node: it runs before any npm package is installed.
 */
import fs from 'node:fs';
import path from 'node:path';
import { buildDist, distIsCurrent } from './dist.mjs';
import { withLock } from '../shared/lock.mjs';
import { installPackages, packagesAreInstalled } from './npm-packages.mjs';
import { Problem, ROOT, readFlags, runMain } from '../shared/command.mjs';
import { ensureServers } from '../servers/servers.mjs';

const HELP = `Usage: npm run setup -- [--servers] [--syncer]

Installs the npm packages and builds dist/, each only if it is missing or out of date.

  --servers  also find Temporal, Consul and Vault, or build them (see npm run servers -- --help)
  --syncer   with --servers: also etcd, kube-apiserver, helm and nginx, which the tests of Syncer run
  --help     show this text`;

/** The Node.js that package.json asks for. */
const NEEDED_NODE = [20, 19];

/**
 * @param {{ servers?: boolean, syncer?: boolean, openbao?: boolean, log?: (line: string) => void }} [options]
 * @returns {Promise<void>}
 * @throws {Problem} with what is missing and what to do
 */
export async function setup({ servers = false, syncer = false, openbao = false, log = console.log } = {}) {
  checkNode();
  // Left by an interrupted npm pack: npm would use it as the lock, and it lacks what development needs.
  fs.rmSync(path.join(ROOT, 'npm-shrinkwrap.json'), { force: true });
  if (!packagesAreInstalled() || !distIsCurrent()) {
    // In dist/, because npm ci removes node_modules.
    const folder = path.join(ROOT, 'dist');
    fs.mkdirSync(folder, { recursive: true });
    await withLock(path.join(folder, '.setup.lock'), { what: 'set-up', log }, async () => {
      if (!packagesAreInstalled()) await installPackages({ log });
      if (!distIsCurrent()) await buildDist({ log });
    });
  }
  if (servers) await ensureServers({ log, syncer, openbao });
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > NEEDED_NODE[0] || (major === NEEDED_NODE[0] && minor >= NEEDED_NODE[1])) return;
  throw new Problem(
    `vsync needs Node.js ${NEEDED_NODE.join('.')} or newer, this is ${process.versions.node} (${process.execPath}).\n` +
      'Install a newer one (https://nodejs.org/en/download) and run the command again.',
  );
}

async function main() {
  checkNode();
  const { flags, exitCode } = readFlags({ servers: { type: 'boolean' }, syncer: { type: 'boolean' } }, HELP);
  if (flags === undefined) return exitCode;
  await setup({ servers: flags.servers, syncer: flags.syncer });
  return 0;
}

await runMain(import.meta.url, main);
