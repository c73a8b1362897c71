import type { FeedSink } from '../../src/feed/listener';

/** Notes what a listener hears. */
export class CollectedSink implements FeedSink {
  /** In order: "line …", "gap …", "connected N". */
  readonly events: string[] = [];
  private waiting: (() => void) | undefined;

  line(line: Buffer): void {
    this.note(`line ${line.toString('utf8')}`);
  }

  gap(why: string): void {
    this.note(`gap ${why}`);
  }

  connected(count: number): void {
    this.note(`connected ${count}`);
  }

  get lines(): string[] {
    return this.events.filter((event) => event.startsWith('line ')).map((event) => event.slice(5));
  }

  count(event: string): number {
    return this.events.filter((one) => one === event).length;
  }

  /** Waits until something holds of the events. The test's own timeout ends it. */
  async until(holds: (sink: this) => boolean): Promise<void> {
    while (!holds(this)) await new Promise<void>((resolve) => (this.waiting = resolve));
  }

  protected note(event: string): void {
    this.events.push(event);
    this.waiting?.();
  }
}
