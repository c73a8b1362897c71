import Queue from 'yocto-queue';

/**
 * Lets so many through at the same time, in the order in which they came. Unlike a limiter around functions it costs
 * nothing where nobody has to wait.
 */
export class Gate {
  private inside = 0;
  private readonly waiting = new Queue<() => void>();

  constructor(private readonly most: number) {}

  /** Whoever enters calls {@link leave}. @returns undefined if there is nothing to wait for */
  enter(): Promise<void> | undefined {
    if (this.inside >= this.most) {
      return new Promise((resolve) => {
        this.waiting.enqueue(resolve);
      });
    }
    this.inside += 1;
    return undefined;
  }

  leave(): void {
    const next = this.waiting.dequeue();
    // The place goes to the next one.
    if (next === undefined) this.inside -= 1;
    else next();
  }
}
