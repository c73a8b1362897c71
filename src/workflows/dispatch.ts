import type { WithDispatchWidth } from '../contract/cycle';
import { otherVersion } from './cycle';

/**
 * Runs work for every item, in the order of the items, with at most `width` of them in flight. A result that names a
 * larger width raises it, because more workers have joined. The width never falls: a busy worker may not be seen.
 * Deterministic, unlike the pools for ordinary code. After a failure no further item begins, and running ones end.
 *
 * @throws the first failure; ApplicationFailure `ConfigChanged` if a worker of another version gave no width
 */
export async function dispatch<T>(
  items: readonly T[],
  width: number,
  work: (item: T) => Promise<WithDispatchWidth>,
): Promise<void> {
  // With NaN nothing would begin, and the work would count as done.
  if (!Number.isFinite(width)) throw otherVersion();
  const failures: unknown[] = [];
  let next = 0;
  let most = width;
  let lanes = 0;
  const lane = async (): Promise<void> => {
    const others: Promise<void>[] = [];
    while (next < items.length && failures.length === 0) {
      const item = items[next++] as T;
      try {
        const { dispatchWidth = 0 } = await work(item);
        most = Math.max(most, dispatchWidth);
      } catch (error) {
        failures.push(error);
      }
      others.push(...newLanes());
    }
    await Promise.all(others);
  };
  const newLanes = (): Promise<void>[] => {
    const begun: Promise<void>[] = [];
    while (lanes < Math.min(most, items.length)) {
      lanes += 1;
      begun.push(lane());
    }
    return begun;
  };
  await Promise.all(newLanes());
  if (failures.length > 0) throw failures[0];
}
