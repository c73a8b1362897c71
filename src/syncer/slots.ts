/** A question that waits for a free connection. */
export interface Waiting {
  readonly signal: AbortSignal;
  /** Begins it, with a function that frees the slot, to be called once. */
  readonly begin: (free: () => void) => void;
  /** Called instead if the signal was aborted before its turn came. */
  readonly stopped: () => void;
}

/**
 * Bounds how many questions to one instance are in progress. The others wait in their order. Those that were stopped leave
 * when a slot becomes free: a listener for each would be a good part of the cost of a probe.
 */
export class Slots {
  private inUse = 0;
  private readonly waiting = new Set<Waiting>();
  private isAdmitting = false;
  private onIdle: (() => void) | undefined;

  constructor(private readonly size: number) {}

  enter(question: Waiting): void {
    if (this.inUse >= this.size) {
      this.waiting.add(question);
      return;
    }
    this.inUse += 1;
    question.begin(this.free);
  }

  /** Calls back once, when no question is in progress and none waits. No further question may enter. */
  whenIdle(onIdle: () => void): void {
    this.onIdle = onIdle;
    this.admit();
  }

  private readonly free = (): void => {
    this.inUse -= 1;
    this.admit();
  };

  /** A question may end while it begins. Then the loop goes on, as one call within the other for each could fill the stack. */
  private admit(): void {
    if (this.isAdmitting) return;
    this.isAdmitting = true;
    try {
      for (const question of this.waiting) {
        if (this.inUse >= this.size) break;
        this.waiting.delete(question);
        if (question.signal.aborted) {
          question.stopped();
          continue;
        }
        this.inUse += 1;
        question.begin(this.free);
      }
    } finally {
      this.isAdmitting = false;
    }
    if (this.inUse > 0 || this.waiting.size > 0) return;
    this.onIdle?.();
    this.onIdle = undefined;
  }
}
