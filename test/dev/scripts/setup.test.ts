import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { makeTempFolder, ROOT, runNode, writeExecutable, type Result } from '../../support/run-node';

let folder: string;
let checkout: string;
let calls: string;

/** A checkout of its own with a few files, and an npm that does in an instant what the real one would. */
beforeEach(() => {
  folder = makeTempFolder();
  checkout = path.join(folder, 'checkout');
  calls = path.join(folder, 'npm.log');
  for (const part of ['scripts', 'servers', 'shared'])
    fs.cpSync(path.join(ROOT, 'dev', part), path.join(checkout, 'dev', part), { recursive: true });
  write('package.json', '{}');
  write('package-lock.json', lockFile('1.0.0'));
  write('tsconfig.json', '{}');
  write('tsconfig.build.json', '{}');
  write('src/index.ts', 'export {};');
  installNpm();
});
afterEach(() => {
  fs.rmSync(folder, { recursive: true, force: true });
});

function write(file: string, text: string): void {
  const target = path.join(checkout, file);
  fs.mkdirSync(path.dirname(target), { recursive: true });
  fs.writeFileSync(target, text);
}

function lockFile(version: string): string {
  return JSON.stringify({
    packages: {
      '': { name: 'vsync' },
      'node_modules/a': { version, integrity: `sha512-${version}` },
      'node_modules/for-another-platform': { version, optional: true },
    },
  });
}

function installNpm({ fails = '', takesMs = 0 } = {}): void {
  writeExecutable(
    path.join(folder, 'bin', 'npm'),
    `const fs = require('node:fs');
     const args = process.argv.slice(2);
     fs.appendFileSync(${JSON.stringify(calls)}, args[0] + '\\n');
     if (args[0] === ${JSON.stringify(fails)}) { console.error('npm error: it went wrong'); process.exit(1); }
     setTimeout(() => {
       if (args[0] === 'ci') {
         const { packages } = JSON.parse(fs.readFileSync('package-lock.json', 'utf8'));
         delete packages['node_modules/for-another-platform'];
         fs.mkdirSync('node_modules', { recursive: true });
         fs.writeFileSync('node_modules/.package-lock.json', JSON.stringify({ packages }));
       }
     }, ${takesMs});`,
  );
}

function setup(...args: string[]): Promise<Result> {
  return runNode(
    [path.join(checkout, 'dev', 'scripts', 'setup.mjs'), ...args],
    { PATH: path.join(folder, 'bin') },
    checkout,
  );
}

/** What npm was called for since the last time. */
function npmCalls(): string[] {
  if (!fs.existsSync(calls)) return [];
  const lines = fs.readFileSync(calls, 'utf8').trim().split('\n');
  fs.rmSync(calls);
  return lines;
}

test('setup installs the packages and builds dist/ of a fresh clone, once', async () => {
  expect(await setup()).toMatchObject({ code: 0, stderr: '' });
  expect(npmCalls()).toEqual(['ci', 'run']);
  expect(await setup()).toEqual({ code: 0, stdout: '', stderr: '' });
  expect(npmCalls()).toEqual([]);
});

test('setup installs and builds again after a change of the lock file', async () => {
  await setup();
  npmCalls();
  write('package-lock.json', lockFile('1.0.1'));
  await setup();
  expect(npmCalls()).toEqual(['ci', 'run']);
});

test('setup does not install packages that are already there', async () => {
  write('node_modules/.package-lock.json', lockFile('1.0.0'));
  await setup();
  expect(npmCalls()).toEqual(['run']);
});

test('setup builds again after a changed, an added or a removed source, not after a touched one', async () => {
  await setup();
  npmCalls();
  const now = new Date();
  fs.utimesSync(path.join(checkout, 'src', 'index.ts'), now, now);
  await setup();
  expect(npmCalls()).toEqual([]);
  for (const change of [
    () => {
      write('src/index.ts', 'export const a = 1;');
    },
    () => {
      write('src/sync/new.ts', '');
    },
    () => {
      fs.rmSync(path.join(checkout, 'src', 'sync', 'new.ts'));
    },
  ]) {
    change();
    await setup();
    expect(npmCalls()).toEqual(['run']);
  }
});

test('two setups at once install and build once', async () => {
  installNpm({ takesMs: 500 });
  const results = await Promise.all([setup(), setup()]);
  expect(results.map(({ code }) => code)).toEqual([0, 0]);
  expect(npmCalls()).toEqual(['ci', 'run']);
});

test('setup takes over the lock of a process that has ended', async () => {
  const gone = JSON.stringify({ pid: 2 ** 22 + 1, host: os.hostname() });
  write('dist/.setup.lock', gone);
  expect(await setup()).toMatchObject({ code: 0 });
  expect(fs.existsSync(path.join(checkout, 'dist', '.setup.lock'))).toBe(false);
});

test.each([
  ['ci', 'error: npm ci ended with exit code 1; the lines above show why.'],
  ['run', 'error: npm run build ended with exit code 1: correct what its lines above name.'],
])('a failing npm %s is reported, and tried again the next time', async (command, message) => {
  installNpm({ fails: command });
  const result = await setup();
  expect(result.code).toBe(1);
  expect(result.stderr).toContain(`npm error: it went wrong\n${message}`);
  npmCalls();
  installNpm();
  expect(await setup()).toMatchObject({ code: 0 });
  expect(npmCalls()).toContain(command);
});

test('setup reports that npm is missing', async () => {
  fs.rmSync(path.join(folder, 'bin', 'npm'));
  const result = await setup();
  expect(result).toMatchObject({ code: 1 });
  expect(result.stderr).toContain('npm is not on PATH');
});

test('setup refuses an unknown option with exit code 2', async () => {
  expect(await setup('--server')).toMatchObject({ code: 2 });
});
