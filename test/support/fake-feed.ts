import type { FeedView } from '../../src/activities/origin/feed-view';
import type { FeedDone, FeedRecord, GapReason } from '../../src/sync-info/feed-record';

/** A receiver without a listener: the test says what has arrived. It forgets hints as the real one does. */
export class FakeFeed implements FeedView {
  record: FeedRecord | undefined;
  /** Whether the audit lines of the cycle's own requests arrive. */
  hears = true;
  /** What cycles have published, oldest first. */
  readonly published: FeedDone[] = [];
  private seq = 0;

  constructor(readonly receiver = 'fake') {
    this.record = { v: 1, receiver, gaps: 1, why: 'start', hints: [], seen: [], writtenMs: Date.now() };
  }

  hint(mount: string, ...rels: string[]): void {
    for (const rel of rels) this.record?.hints.push([++this.seq, mount, rel]);
  }

  gap(why: GapReason): void {
    if (this.record === undefined) return;
    this.record.gaps += 1;
    this.record.why = why;
  }

  sawRequest(ids: readonly string[]): boolean {
    return this.hears && ids.length > 0;
  }

  own(): FeedRecord | undefined {
    return this.record && structuredClone(this.record);
  }

  onPublished(done: FeedDone): void {
    this.published.push(done);
    if (this.record === undefined) return;
    this.record.hints = this.record.hints.filter(([seq]) => seq > (done.handled[this.receiver] ?? 0));
  }
}
