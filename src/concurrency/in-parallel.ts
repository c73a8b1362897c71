import { forManyRequests } from './many-listeners';
import { Room } from './work-pool';
import { DEFAULT_PARALLEL_ITEMS } from '../limits';

/** Gives what is to be done next; what was begun may add to it. */
export interface Source<T> {
  readonly size: number;
  shift: () => T | undefined;
}

/**
 * Runs the work for all items of a source, many at the same time. After the first failure, or when the signal says so,
 * no further item is begun; the rest is told to stop, and is waited for: nothing goes on in the background when this
 * function has ended.
 *
 * @param room which the items share with those of other calls; or how many of them there may be
 * @throws the first failure, or the signal's reason if it kept an item from being begun
 */
export async function forAllOf<T>(
  source: Source<T>,
  signal: AbortSignal,
  work: (item: T, signal: AbortSignal) => Promise<void>,
  room: Room | number = DEFAULT_PARALLEL_ITEMS,
): Promise<void> {
  const stop = new AbortController();
  const either = forManyRequests(AbortSignal.any([signal, stop.signal]));
  const failures: unknown[] = [];
  const hasNext = (): boolean => source.size > 0;
  const begin = (done: () => void): void => {
    work(source.shift() as T, either).then(done, (error: unknown) => {
      failures.push(error);
      stop.abort();
      done();
    });
  };
  const shared = typeof room === 'number' ? new Room(() => room) : room;
  await shared.work({ hasNext, begin }, either);
  if (failures.length > 0) throw failures[0];
  if (hasNext()) throw signal.reason;
}

/**
 * Runs the work for all items, in their order: see {@link forAllOf}.
 *
 * @returns the results, in the order of the items
 */
export async function inParallel<T, R>(
  items: readonly T[],
  signal: AbortSignal,
  work: (item: T, signal: AbortSignal) => Promise<R>,
  room: Room | number = DEFAULT_PARALLEL_ITEMS,
): Promise<R[]> {
  const results = new Array<R>(items.length);
  let next = 0;
  const positions: Source<number> = {
    get size() {
      return items.length - next;
    },
    shift: () => next++,
  };
  const workAt = async (at: number, stop: AbortSignal): Promise<void> => {
    results[at] = await work(items[at] as T, stop);
  };
  await forAllOf(positions, signal, workAt, room);
  return results;
}
