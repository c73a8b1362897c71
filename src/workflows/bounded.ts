/** How many items are worked on at the same time. */
export interface Bound {
  /** May rise meanwhile: it is looked at each time that an item has ended. */
  most: number;
}

/**
 * Runs work for every item, so many at the same time, in order of the items. Deterministic, unlike the limiters for
 * ordinary code. After a failure no further item is begun; what is running is waited for.
 *
 * @throws the first failure
 */
export async function forEachBounded<T>(
  items: readonly T[],
  bound: Bound,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const failures: unknown[] = [];
  let next = 0;
  let lanes = 0;
  const lane = async (): Promise<void> => {
    const others: Promise<void>[] = [];
    while (next < items.length && failures.length === 0) {
      const item = items[next++] as T;
      try {
        await work(item);
      } catch (error) {
        failures.push(error);
      }
      others.push(...newLanes());
    }
    await Promise.all(others);
  };
  /** As many as there may be more. */
  const newLanes = (): Promise<void>[] => {
    const begun: Promise<void>[] = [];
    while (lanes < Math.min(bound.most, items.length)) {
      lanes += 1;
      begun.push(lane());
    }
    return begun;
  };
  await Promise.all(newLanes());
  if (failures.length > 0) throw failures[0];
}
