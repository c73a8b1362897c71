import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { runChild } from '../shared/child.mjs';
import { Problem, ROOT } from '../shared/command.mjs';

/** Besides src/, what the compiled files depend on. */
const ALSO = ['package.json', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json'];

/** Whether dist/ was built from the sources as they are now. By content: git sets file times as it likes. */
export function distIsCurrent(root = ROOT) {
  try {
    return fs.readFileSync(stampFile(root), 'utf8') === hashOfSources(root);
  } catch {
    return false;
  }
}

/** Runs `npm run build`, and shows its output. */
export async function buildDist({ log, root = ROOT }) {
  log('building dist/ (npm run build)');
  // Before the build: a source that changes during it makes the next check build again.
  const hash = hashOfSources(root);
  fs.rmSync(stampFile(root), { force: true });
  const { code, signal } = await runChild('npm', ['run', '--silent', 'build'], { cwd: root });
  if (code !== 0) {
    throw new Problem(
      `npm run build ended with ${signal ?? `exit code ${code}`}: correct what its lines above name.`,
    );
  }
  fs.mkdirSync(path.dirname(stampFile(root)), { recursive: true });
  fs.writeFileSync(stampFile(root), hash);
}

function stampFile(root) {
  return path.join(root, 'dist', '.built-from');
}

function hashOfSources(root) {
  const hash = createHash('sha256');
  for (const file of [...ALSO, ...filesUnder(root, 'src')]) {
    const content = fs.readFileSync(path.join(root, file));
    hash.update(`${file}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex');
}

function filesUnder(root, folder) {
  return fs
    .readdirSync(path.join(root, folder), { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const file = path.join(folder, entry.name);
      return entry.isDirectory() ? filesUnder(root, file) : [file];
    });
}
