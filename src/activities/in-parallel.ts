import { setMaxListeners } from 'node:events';

/**
 * Items of one call that are being worked on, at the most. Well above what the clients' limiters let through, so it
 * slows nothing down: it bounds what waits for them, and with it the memory of a call.
 */
const MOST_AT_ONCE = 256;

/**
 * Runs the work for all items, in their order, many at the same time; the clients' limiters decide how much of it is
 * really in flight. After the first failure, or when the signal says so, no further item is begun; the rest is told to
 * stop, and is waited for: nothing goes on in the background when this function has ended.
 *
 * @param atOnce items that are begun at the same time, at the most
 * @throws the first failure, or the signal's reason if it kept an item from being begun
 */
export async function inParallel<T, R>(
  items: readonly T[],
  signal: AbortSignal,
  work: (item: T, signal: AbortSignal) => Promise<R>,
  atOnce = MOST_AT_ONCE,
): Promise<R[]> {
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  // Every request in flight listens to it: Node's warning about a leak would be wrong.
  setMaxListeners(0, either);
  const failures: unknown[] = [];
  const results = new Array<R>(items.length);
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < items.length) {
      const at = next++;
      try {
        either.throwIfAborted();
        results[at] = await work(items[at] as T, either);
      } catch (error) {
        failures.push(error);
        stop.abort();
        return;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, lane));
  if (failures.length > 0) throw failures[0];
  return results;
}
