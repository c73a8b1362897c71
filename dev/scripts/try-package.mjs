/**
 * `npm run try-package`: packs this checkout, installs the package into an empty folder as a user would, with an empty
 * home, and runs the installed command. Continuous integration runs it. Plain Node.
 */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Problem, ROOT, readFlags, runMain } from '../shared/command.mjs';

const HELP = `Usage: npm run try-package

Packs vsync, installs the package into an empty folder with an empty home, and runs "vsync --version", "vsync config"
and the start of a worker there. Needs the npm registry, or npm's cache.

  --help  show this text`;

const CONFIG = {
  name: 'packed',
  origin: {
    vault: { address: 'http://127.0.0.1:1', token: 'none' },
    consul: { address: '127.0.0.1:1' },
    mounts: ['secret/'],
  },
};

/** Files that the package must not contain. */
const NEEDLESS = /\.(map|ts|tsbuildinfo)$|^(src|test|dev)\//;

function main() {
  const { flags, exitCode } = readFlags({}, HELP);
  if (flags === undefined) return exitCode;
  const folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'vsync-package-')));
  try {
    tryIn(folder);
    return 0;
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

function tryIn(folder) {
  npm(['pack', '--pack-destination', folder], ROOT, process.env);
  const [filename = ''] = fs.readdirSync(folder);
  const tarball = path.join(folder, filename);
  const names = execFileSync('tar', ['-tzf', tarball], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((name) => name.replace(/^package\//, ''));
  const needless = names.filter((name) => NEEDLESS.test(name));
  expect(needless.length === 0, `the package holds ${needless.slice(0, 5).join(', ')}`);
  for (const name of ['bin/vsync', 'dist/cli/index.js', 'dist/workflow-bundle.js', 'npm-shrinkwrap.json'])
    expect(names.includes(name), `the package lacks ${name}`);
  console.log(`packed ${filename}: ${names.length} files, ${megabytes(fs.statSync(tarball).size)}`);

  const env = emptyHome(path.join(folder, 'home'));
  // By its own lock, as in README and Dockerfile.
  execFileSync('tar', ['-xzf', tarball], { cwd: folder });
  const unpacked = path.join(folder, 'package');
  npm(['ci', '--omit=dev'], unpacked, env);
  expectLocked(path.join(unpacked, 'node_modules'));
  expectRuns(path.join(unpacked, 'bin', 'vsync'), unpacked, env);

  // As npm installs by itself, with the newest versions: it ignores the lock of a package that comes from a file.
  const target = path.join(folder, 'target');
  fs.mkdirSync(target);
  npm(['install', '--prefix', target, tarball], target, env);
  expectRuns(path.join(target, 'node_modules', '.bin', 'vsync'), target, env);
}

function expectRuns(vsync, cwd, env) {
  const { version } = JSON.parse(fs.readFileSync(path.join(ROOT, 'package.json'), 'utf8'));
  const shownVersion = run(vsync, ['--version'], cwd, env).stdout.trim();
  expect(shownVersion === version, `vsync --version prints ${shownVersion}`);
  fs.writeFileSync(path.join(cwd, 'origin.json'), JSON.stringify(CONFIG));
  const shown = run(vsync, ['config', '-c', 'origin.json'], cwd, env).stdout;
  expect(/^origin packed$/m.test(shown), `vsync config prints ${shown}`);
  // All of a worker is loaded before it finds that no Temporal is there.
  const worker = run(vsync, ['worker', '-c', 'origin.json', '--temporal.address', '127.0.0.1:1'], cwd, env);
  expect(worker.code === 1, `vsync worker ends with ${worker.code}`);
  expect(worker.stderr.startsWith('vsync: Temporal 127.0.0.1:1: cannot connect'), worker.stderr);
  console.log(
    `${vsync}: --version, config and the start of a worker run; installed: ${megabytes(sizeOf(path.join(cwd, 'node_modules')))}`,
  );
}

/** The versions that were installed are those of our own lock: what the tests ran with. */
function expectLocked(modules) {
  const read = (file) => JSON.parse(fs.readFileSync(file, 'utf8')).packages;
  const ours = read(path.join(ROOT, 'package-lock.json'));
  const theirs = read(path.join(modules, '.package-lock.json'));
  const installed = Object.entries(theirs);
  const others = installed.filter(
    ([name, { version }]) => ours[name]?.version !== version || ours[name].dev === true,
  );
  expect(installed.length > 100, `only ${installed.length} packages were installed`);
  expect(
    others.length === 0,
    `not as in the lock: ${others
      .map(([name, { version }]) => `${name} ${version}`)
      .slice(0, 5)
      .join(', ')}`,
  );
  console.log(`${installed.length} packages, in the versions of package-lock.json`);
}

/** An environment without the user's files, except for npm's way to its packages. */
function emptyHome(home) {
  fs.mkdirSync(home);
  const ask = (key) => execFileSync('npm', ['config', 'get', key], { encoding: 'utf8' }).trim();
  const network =
    /^(https?_proxy|no_proxy|node_extra_ca_certs|npm_config_(registry|cafile|proxy|https_proxy))$/i;
  return {
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => network.test(name))),
    PATH: process.env.PATH,
    HOME: home,
    XDG_CONFIG_HOME: home,
    npm_config_userconfig: ask('userconfig'),
    npm_config_cache: ask('cache'),
    npm_config_fund: 'false',
    npm_config_audit: 'false',
  };
}

function npm(args, cwd, env) {
  return execFileSync('npm', args, { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
}

function run(command, args, cwd, env) {
  try {
    const stdout = execFileSync(command, args, {
      cwd,
      env,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return { code: 0, stdout, stderr: '' };
  } catch (error) {
    if (typeof error.status !== 'number') throw error;
    return { code: error.status, stdout: error.stdout, stderr: error.stderr };
  }
}

function sizeOf(folder) {
  return fs
    .readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, { parentPath, name }) => sum + fs.lstatSync(path.join(parentPath, name)).size, 0);
}

const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

function expect(isTrue, otherwise) {
  if (!isTrue) throw new Problem(otherwise);
}

await runMain(import.meta.url, main);
