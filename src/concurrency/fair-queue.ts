import Queue from 'yocto-queue';

/** A queue in which each of several groups has its turn, however many of the others wait. */
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

  /** The oldest of the group whose turn it is; undefined if nobody waits. */
  shift(): T | undefined {
    const next = this.groups.entries().next();
    if (next.done === true) return undefined;
    const [group, queue] = next.value;
    const item = queue.dequeue();
    this.groups.delete(group);
    // Behind all the others.
    if (queue.size > 0) this.groups.set(group, queue);
    this.count -= 1;
    return item;
  }
}
