import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { startGuarded, tailOf, type GuardedProcess } from '../../../dev/shared/guarded-process';
import { makeTempFolder, ROOT, writeExecutable } from '../../support/run-node';

let folder: string;
let running: GuardedProcess | undefined;
beforeEach(() => {
  folder = makeTempFolder();
});
afterEach(async () => {
  await running?.stop('SIGKILL');
  running = undefined;
  fs.rmSync(folder, { recursive: true, force: true });
});

/** Runs JavaScript as a guarded process. */
async function start(javascript: string, graceMs?: number): Promise<GuardedProcess> {
  running = await startGuarded({
    command: writeExecutable(path.join(folder, 'program'), javascript),
    args: [],
    env: process.env,
    logFile: path.join(folder, 'log'),
    graceMs,
  });
  return running;
}

const FOREVER = "console.log('up'); setInterval(() => {}, 1000);";

async function until(check: () => boolean): Promise<void> {
  while (!check()) await new Promise((resolve) => setTimeout(resolve, 20));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test('startGuarded returns the pid of the command, and stop ends it', async () => {
  const guarded = await start(`console.log(process.pid); ${FOREVER}`);
  await until(() => tailOf(guarded.logFile).includes('up'));
  expect(tailOf(guarded.logFile)).toContain(String(guarded.pid));
  expect(guarded.exit).toBeUndefined();
  expect(await guarded.stop()).toEqual({ code: null, signal: 'SIGTERM' });
  expect(isAlive(guarded.pid)).toBe(false);
  expect(guarded.exit).toEqual({ code: null, signal: 'SIGTERM' });
  // Also a second time.
  await guarded.stop();
});

test('stop kills a command that ignores SIGTERM after the grace time', async () => {
  const guarded = await start(`process.on('SIGTERM', () => {}); ${FOREVER}`, 200);
  await until(() => tailOf(guarded.logFile).includes('up'));
  expect(await guarded.stop()).toEqual({ code: null, signal: 'SIGKILL' });
});

test('startGuarded reports the end of the command, with its exit code', async () => {
  const guarded = await start("console.error('I give up'); process.exit(7);");
  expect(await guarded.exited).toEqual({ code: 7, signal: null });
  expect(tailOf(guarded.logFile)).toBe('  I give up');
});

test('startGuarded refuses a command that cannot be started', async () => {
  const command = path.join(folder, 'missing');
  const starting = startGuarded({ command, args: [], env: {}, logFile: path.join(folder, 'log') });
  await expect(starting).rejects.toThrow(`${command} could not be started: spawn ${command} ENOENT`);
});

test('startGuarded ends the command when its watchdog is killed', async () => {
  const guarded = await start(`console.log(process.ppid); ${FOREVER}`);
  await until(() => tailOf(guarded.logFile).includes('up'));
  const watchdog = Number.parseInt(tailOf(guarded.logFile).trim(), 10);
  process.kill(watchdog, 'SIGKILL');
  await guarded.exited;
  await until(() => !isAlive(guarded.pid));
});

test.each(['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
  'startGuarded ends the command and removes its folder when its parent ends by %s',
  async (signal) => {
    const own = path.join(folder, 'own');
    fs.mkdirSync(own);
    const program = writeExecutable(path.join(folder, 'program'), FOREVER);
    const parent = path.join(folder, 'parent.ts');
    fs.writeFileSync(
      parent,
      `import { startGuarded } from ${JSON.stringify(path.join(ROOT, 'dev/shared/guarded-process'))};
       void startGuarded({ command: ${JSON.stringify(program)}, args: [], env: process.env,
         logFile: ${JSON.stringify(path.join(folder, 'log'))}, removeIfOrphaned: ${JSON.stringify(own)} })
         .then(({ pid }) => { process.stdout.write(String(pid)); setInterval(() => {}, 1000); });`,
    );
    const child = spawn(process.execPath, ['--import', 'tsx', parent], {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [output] = (await once(child.stdout, 'data')) as [Buffer];
    const pid = Number(output.toString());
    expect(isAlive(pid)).toBe(true);
    child.kill(signal);
    await until(() => !isAlive(pid) && !fs.existsSync(own));
  },
);
