import { FairQueue } from './fair-queue';

/**
 * The items in an order in which each group has its turn, the items of a group in their own order: a huge mount then
 * does not keep the others waiting.
 */
export function inTurn<T>(items: readonly T[], groupOf: (item: T) => string): T[] {
  const queue = new FairQueue<T>();
  for (const item of items) queue.push(groupOf(item), item);
  return items.map(() => queue.shift() as T);
}
