import Queue from 'yocto-queue';

/** A queue of groups that take turns: a huge mount does not hold up the small ones. */
export class FairQueue<T> {
  private readonly groups = new Map<string, Queue<T>>();
  private count = 0;

  get size(): number {
    return this.count;
  }

  push(group: string, item: T): void {
    const queue = this.groups.get(group) ?? new Queue<T>();
    this.groups.set(group, queue);
    queue.enqueue(item);
    this.count += 1;
  }

  /** Takes the oldest item of the next group; undefined if the queue is empty. */
  shift(): T | undefined {
    const next = this.groups.entries().next();
    if (next.done === true) return undefined;
    const [group, queue] = next.value;
    const item = queue.dequeue();
    this.groups.delete(group);
    // The group goes behind all the others.
    if (queue.size > 0) this.groups.set(group, queue);
    this.count -= 1;
    return item;
  }
}

/** Sorts items so that groups take turns. The items of one group keep their order. */
export function inTurn<T>(items: readonly T[], groupOf: (item: T) => string): T[] {
  const queue = new FairQueue<T>();
  for (const item of items) queue.push(groupOf(item), item);
  return items.map(() => queue.shift() as T);
}
