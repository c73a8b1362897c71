import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 100;

/**
 * Repeats `check` until it returns true.
 *
 * @param signal ends the wait early, with the reason that it was aborted for
 * @returns how many milliseconds it took
 * @throws when it has not returned true within `withinMs`; `what` completes "... within 60 s"
 */
export async function waitFor(
  what: () => string,
  check: () => Promise<boolean>,
  { withinMs, signal, pollMs = POLL_MS }: { withinMs: number; signal: AbortSignal; pollMs?: number },
): Promise<number> {
  const started = Date.now();
  for (;;) {
    signal.throwIfAborted();
    if (await check()) return Date.now() - started;
    if (Date.now() - started > withinMs) throw new Error(`${what()} within ${withinMs / 1000} s`);
    await pause(pollMs, signal);
  }
}

/** Sleeps; an abort ends it with the abort's reason. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  // The sleep's own error does not contain the reason of the abort.
  await sleep(ms, undefined, { signal }).catch(() => undefined);
  signal.throwIfAborted();
}

/** Does `work` for every item, at most `limit` at a time. */
export async function inParallel<T>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const rest = items.values();
  const worker = async () => {
    for (const item of rest) await work(item);
  };
  await Promise.all(Array.from({ length: limit }, worker));
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
