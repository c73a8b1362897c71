import type { HintKind } from '../rules/audit-line';
import type { GapReason, ListenerNote } from '../sync-info/feed-record';
import type { EventSink, FeedSink } from './listener';

/** Takes what one listener hears, and notes for `vsync status` whether lines arrive. Of a line it keeps the time only. */
export class NotedListener implements FeedSink, EventSink {
  private connections = 0;
  private lineMs: number | undefined;

  constructor(
    /** `socket`, `http` or `events`, as in the configuration. */
    private readonly kind: string,
    private readonly sink: FeedSink & EventSink,
  ) {}

  get note(): ListenerNote {
    const { kind, connections, lineMs } = this;
    return { kind, connections, ...(lineMs !== undefined && { lineMs }) };
  }

  line(line: Buffer): void {
    this.lineMs = Date.now();
    this.sink.line(line);
  }

  changed(kind: HintKind, mount: string, rel: string): void {
    this.lineMs = Date.now();
    this.sink.changed(kind, mount, rel);
  }

  gap(why: GapReason): void {
    this.sink.gap(why);
  }

  connected(count: number): void {
    this.connections = count;
    this.sink.connected(count);
  }
}
