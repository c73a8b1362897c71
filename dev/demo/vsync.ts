import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { cleanEnvironment, startGuarded, tailOf, type GuardedProcess } from '../shared/guarded-process';

const ROOT = path.join(__dirname, '..', '..');
const VSYNC = path.join(ROOT, 'bin', 'vsync');

/** A worker saves what it has done before it ends; one that needs longer hangs. */
const GRACE_MS = 20_000;
const COMMAND_TIMEOUT_MS = 30_000;

/** The vsync processes of the demo, run as a user would run them. */
export class VsyncProcesses {
  readonly #running: GuardedProcess[] = [];
  #stopping = false;

  /**
   * @param dir where the logs go; if this process is killed, the folder is removed after the last of its children
   * @param onEarlyEnd called with the end of the log when a process ends by itself
   */
  constructor(
    private readonly dir: string,
    private readonly onEarlyEnd: (problem: Error) => void,
  ) {}

  async start(command: 'origin' | 'destination' | 'syncer', config: string, logName: string): Promise<void> {
    const logFile = path.join(this.dir, logName);
    console.log(`  $ bin/vsync ${command} -c ${config} > ${logFile}`);
    if (!fs.existsSync(VSYNC)) throw new Error(`${VSYNC} is missing: restore it from git`);
    const guarded = await startGuarded({
      command: VSYNC,
      args: [command, '-c', config],
      env: cleanEnvironment(),
      cwd: ROOT,
      logFile,
      graceMs: GRACE_MS,
      removeIfOrphaned: this.dir,
    });
    this.#running.push(guarded);
    void guarded.exited.then(({ code, signal }) => {
      if (this.#stopping) return;
      const how = signal === null ? `exit code ${String(code)}` : signal;
      this.onEarlyEnd(
        new Error(
          `bin/vsync ${command} -c ${config} ended with ${how}. The end of its log:\n${tailOf(logFile)}`,
        ),
      );
    });
  }

  /** Asks all to end and waits until they have. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#running.map((guarded) => guarded.stop()));
  }
}

/** Runs a vsync command that returns, and gives what it printed; what went wrong is in `problem`. */
export function runVsync(
  args: readonly string[],
): Promise<{ output: string; code: unknown; problem?: string }> {
  return new Promise((resolve) => {
    const options = { cwd: ROOT, env: cleanEnvironment(), timeout: COMMAND_TIMEOUT_MS };
    execFile(VSYNC, args, options, (error, stdout, stderr) => {
      const output = `${stdout}${stderr}`.trimEnd();
      if (error === null) resolve({ output, code: 0 });
      else
        resolve({
          output,
          code: error.code,
          problem: `bin/vsync ${args.join(' ')} failed: ${output || error.message}`,
        });
    });
  });
}
