import fs from 'node:fs';
import path from 'node:path';
import { runChild } from '../shared/child.mjs';
import { Problem, ROOT } from '../shared/command.mjs';

const TELL_EVERY_MS = 10_000;

/**
 * Whether node_modules holds what package-lock.json asks for, by npm's own record of what it installed there.
 * An install that was cut off has no such record, and a lock file that changed since differs from it.
 */
export function packagesAreInstalled(root = ROOT) {
  const wanted = readPackages(path.join(root, 'package-lock.json'));
  const installed = readPackages(path.join(root, 'node_modules', '.package-lock.json'));
  if (wanted === undefined) {
    throw new Problem(`${path.join(root, 'package-lock.json')} is missing or damaged: restore it from git.`);
  }
  if (installed === undefined) return false;
  return Object.entries(wanted).every(([name, entry]) => {
    if (name === '') return true;
    const there = installed[name];
    // Packages for other platforms are in the lock file, and are not installed.
    if (there === undefined) return entry.optional === true || entry.devOptional === true;
    return there.version === entry.version && there.integrity === entry.integrity;
  });
}

/** Runs `npm ci`, and shows its output. */
export async function installPackages({ log, root = ROOT }) {
  log('installing the npm packages (npm ci, about a minute)');
  const started = Date.now();
  const ticker = setInterval(() => {
    log(`npm ci: ${Math.round((Date.now() - started) / 1000)} s so far`);
  }, TELL_EVERY_MS);
  try {
    // The development packages also where NODE_ENV=production: the tests and the demo need them.
    const { code, signal } = await runChild('npm', ['ci', '--include=dev', '--no-audit', '--no-fund'], {
      cwd: root,
    });
    if (code !== 0) {
      throw new Problem(
        `npm ci ended with ${signal ?? `exit code ${code}`}; the lines above show why.\n` +
          'Check the network and the disk (npm config get registry, df -h), then run the command again.',
      );
    }
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
    throw new Problem('npm is not on PATH. Install it (it comes with Node.js), then run the command again.');
  } finally {
    clearInterval(ticker);
  }
}

function readPackages(file) {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8')).packages;
  } catch {
    return undefined;
  }
}
