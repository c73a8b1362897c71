import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** A run of the demo or the benchmark: from its folder to its tidying up, also on Ctrl-C. */
export interface Run {
  /** For logs and configuration files; removed at the end. */
  dir: string;
  /** Aborted by Ctrl-C, by the end of npm, and by `fail`. */
  signal: AbortSignal;
  /** Ends the run with this error. */
  fail: (error: Error) => void;
  /** Called at the end, the last one first. */
  cleanUps: (() => Promise<unknown>)[];
}

type EndingSignal = 'SIGINT' | 'SIGTERM' | 'SIGHUP';

/** The user ended the run. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';

  constructor(readonly signal: EndingSignal) {
    super(`ended by ${signal}`);
  }

  get exitCode(): number {
    return 128 + os.constants.signals[this.signal];
  }
}

/**
 * Does the work, prints its error, and tidies up.
 *
 * @param name of the folder
 * @returns the exit code
 */
export async function runWork(name: string, work: (run: Run) => Promise<number>): Promise<number> {
  const controller = new AbortController();
  const fail = (error: Error): void => {
    controller.abort(error);
  };
  abortOnSignals(fail);
  abortWhenNpmIsGone(fail);
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), `vsync-${name}-`));
  const run: Run = { dir, signal: controller.signal, fail, cleanUps: [] };
  let exitCode: number;
  let failure: unknown;
  try {
    exitCode = await work(run);
  } catch (error) {
    failure = controller.signal.aborted ? controller.signal.reason : error;
    exitCode = failure instanceof Interrupted ? failure.exitCode : 1;
    console.error(`error: ${failure instanceof Error ? failure.message : String(failure)}`);
  }
  for (const cleanUp of run.cleanUps.reverse()) {
    await cleanUp().catch((error: unknown) => {
      exitCode ||= 1;
      console.error(`error: tidying up: ${(error as Error).message}`);
    });
  }
  // After a failure the logs are worth more than a tidy folder.
  const hasFailed = failure !== undefined && !(failure instanceof Interrupted);
  if (hasFailed && fs.readdirSync(dir).length > 0)
    console.error(`The logs and configuration files are kept in ${dir}`);
  else fs.rmSync(dir, { recursive: true, force: true });
  return exitCode;
}

const PARENT_POLL_MS = 500;

/**
 * Under npm, the end of npm means the same as a SIGTERM: npm passes on only some of the signals that end it. ("exec" in
 * package.json makes this process npm's own child, without a shell in between.)
 */
function abortWhenNpmIsGone(fail: (error: Error) => void): void {
  if (process.env.npm_lifecycle_event === undefined) return;
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    fail(new Interrupted('SIGTERM'));
  }, PARENT_POLL_MS);
  timer.unref();
}

/** Aborts on the first Ctrl-C (or SIGTERM, SIGHUP); a later one ends this process at once. */
function abortOnSignals(fail: (error: Error) => void): void {
  let firstAt: number | undefined;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (firstAt === undefined) {
        firstAt = Date.now();
        fail(new Interrupted(signal));
        // One Ctrl-C can arrive twice, from the terminal and from npm.
      } else if (Date.now() - firstAt > 1_000) {
        // The children end by themselves after this process.
        process.exit(128 + os.constants.signals[signal]);
      }
    });
  }
}
