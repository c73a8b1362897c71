import { setMaxListeners } from 'node:events';

/**
 * Runs the work for all items at once; the clients' limiters decide how much of it is really in flight. After
 * the first failure the rest is told to stop by the signal, and is waited for: nothing goes on in the background
 * when this function has ended.
 *
 * @throws the first failure
 */
export async function inParallel<T, R>(
  items: readonly T[],
  signal: AbortSignal,
  work: (item: T, signal: AbortSignal) => Promise<R>,
): Promise<R[]> {
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  // Every request in flight listens to it: Node's warning about a leak would be wrong.
  setMaxListeners(0, either);
  const failures: unknown[] = [];
  const results = await Promise.all(
    items.map(async (item): Promise<R | undefined> => {
      try {
        return await work(item, either);
      } catch (error) {
        failures.push(error);
        stop.abort();
        return undefined;
      }
    }),
  );
  if (failures.length > 0) throw failures[0];
  return results as R[];
}
