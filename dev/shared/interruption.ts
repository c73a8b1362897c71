import { constants } from 'node:os';

type EndingSignal = 'SIGINT' | 'SIGTERM' | 'SIGHUP';

/** Why the demo or the benchmark was aborted, when the user ended it. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';

  constructor(readonly signal: EndingSignal) {
    super(`ended by ${signal}`);
  }

  get exitCode(): number {
    return 128 + constants.signals[this.signal];
  }
}

const PARENT_POLL_MS = 500;

/**
 * Under npm, npm's end means the same as a SIGTERM: it passes on only some of the signals that end it. (That
 * this process is npm's own child, and not that of a shell in between, is what "exec" in package.json is
 * for.)
 */
export function abortWhenNpmIsGone(controller: AbortController): void {
  if (process.env.npm_lifecycle_event === undefined) return;
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    controller.abort(new Interrupted('SIGTERM'));
  }, PARENT_POLL_MS);
  timer.unref();
}

/** Aborts on the first Ctrl-C (or SIGTERM, SIGHUP); a later one ends this process at once. */
export function abortOnSignals(controller: AbortController): void {
  let firstAt: number | undefined;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (firstAt === undefined) {
        firstAt = Date.now();
        controller.abort(new Interrupted(signal));
        // One Ctrl-C can arrive twice, from the terminal and from npm.
      } else if (Date.now() - firstAt > 1_000) {
        // The children end by themselves when this process is gone.
        process.exit(128 + constants.signals[signal]);
      }
    });
  }
}
