/** Bounds how many questions to one instance are in progress. The others wait in their order. */
export class Slots {
  private inUse = 0;
  private readonly waiting = new Set<(free: () => void) => void>();

  /** @param size read each time, so it may change */
  constructor(private readonly size: () => number) {}

  /**
   * Begins now, or when a slot is free.
   *
   * @param begin gets a function that frees the slot, to be called once
   * @returns leaves the queue; without effect after the beginning
   */
  enter(begin: (free: () => void) => void): () => void {
    if (this.inUse < this.size()) {
      this.inUse += 1;
      begin(this.free);
      return NOTHING;
    }
    this.waiting.add(begin);
    return () => {
      this.waiting.delete(begin);
    };
  }

  private readonly free = (): void => {
    this.inUse -= 1;
    for (const begin of this.waiting) {
      if (this.inUse >= this.size()) return;
      this.waiting.delete(begin);
      this.inUse += 1;
      begin(this.free);
    }
  };
}

const NOTHING = (): void => undefined;
