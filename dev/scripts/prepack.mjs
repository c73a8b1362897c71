/**
 * What npm runs before it packs (`npm pack`, `npm publish`, an install from git): builds dist/, and writes the lock that
 * travels in the package, because npm packs no package-lock.json.
 * With --undo, after packing, it removes that lock. Plain Node: it runs before any npm package is installed.
 */
import fs from 'node:fs';
import path from 'node:path';
import { ROOT, readFlags, runMain } from '../shared/command.mjs';
import { setup } from './setup.mjs';

const HELP = `Usage: node dev/scripts/prepack.mjs [--undo]

Builds dist/ and writes npm-shrinkwrap.json for the package. npm runs it by itself.

  --undo  remove npm-shrinkwrap.json again
  --help  show this text`;

const SHRINKWRAP = path.join(ROOT, 'npm-shrinkwrap.json');

async function main() {
  const { flags, exitCode } = readFlags({ undo: { type: 'boolean' } }, HELP);
  if (flags === undefined) return exitCode;
  fs.rmSync(SHRINKWRAP, { force: true });
  if (flags.undo) return 0;
  // On stderr: `npm pack` prints the name of the package on stdout.
  await setup({ log: console.error });
  // Its entries have no address (.npmrc sees to it): npm asks the registry that each user has configured.
  fs.copyFileSync(path.join(ROOT, 'package-lock.json'), SHRINKWRAP);
  return 0;
}

await runMain(import.meta.url, main);
