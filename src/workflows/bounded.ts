/**
 * Runs work for every item, at most `most` at the same time, in order of the items. Deterministic, unlike the
 * limiters for ordinary code. After a failure no further item is begun; what is running is waited for.
 *
 * @throws the first failure
 */
export async function forEachBounded<T>(
  items: readonly T[],
  most: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const failures: unknown[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < items.length && failures.length === 0) {
      const item = items[next++] as T;
      try {
        await work(item);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(most, items.length) }, lane));
  if (failures.length > 0) throw failures[0];
}
