import {
  FEED_ANSWER_WAIT_MS,
  FEED_HINT_BYTES,
  FEED_HINTS,
  FEED_SEEN,
  FEED_UNANSWERED,
  FEED_UNANSWERED_BYTES,
} from '../limits';
import type { HintKind, LineResult } from '../rules/audit-line';
import type { FeedRecord, GapReason } from '../sync-info/feed-record';

/** A path that may have changed. */
export interface Changed {
  readonly kind: HintKind;
  readonly mount: string;
  /** Path in the mount. */
  readonly rel: string;
}

/** What a receiver does about what its lines say. */
export interface HintEvents {
  changed(hint: Changed): void;
  /** All hints so far are gone: a full scan replaces them. */
  overflowed(): void;
  gap(why: GapReason): void;
  /** A line about a mount of the origin arrived. */
  proven(id: string): void;
}

/**
 * The memory of one receiver: which paths wait for a cycle, how often something may have been missed, and which request
 * lines have no response line yet. No clock and no timer of its own.
 *
 * A path that is hinted again gets a new number, the highest so far. So a cycle that has read the record can state by one
 * number what it has handled: a change during the cycle has a higher one.
 */
export class Hints {
  private readonly pending = new Map<string, { seq: number; mount: string; rel: string }>();
  private bytes = 0;
  private lastSeq = 0;
  private gaps = 1;
  private why: GapReason = 'start';
  /** By request, the one that waits longest first. */
  private readonly unanswered = new Map<string, Changed & { sinceMs: number }>();
  private unansweredBytes = 0;
  private readonly proofs = new Set<string>();

  constructor(
    readonly receiver: string,
    private readonly events: HintEvents,
  ) {}

  get size(): number {
    return this.pending.size;
  }

  get gapCount(): number {
    return this.gaps;
  }

  /** Another number after each change of what {@link record} returns, except for what is handled or seen. */
  get version(): number {
    return this.lastSeq + this.gaps;
  }

  take(line: LineResult, nowMs: number): void {
    switch (line.is) {
      case 'nothing':
        return;
      case 'hint':
        this.answered(line.id);
        this.change(line);
        return;
      case 'asked':
        this.ask(line.id, line, nowMs);
        return;
      case 'failed':
        this.answered(line.id);
        return;
      case 'own-proof':
        this.prove(line.id);
        return;
      case 'mounts':
      case 'restored':
      case 'unparsable':
        this.gap(line.is);
    }
  }

  change({ kind, mount, rel }: Changed): void {
    const key = `${mount}\n${rel}`;
    if (!this.pending.delete(key)) this.bytes += sizeOf(mount, rel);
    this.pending.set(key, { seq: ++this.lastSeq, mount, rel });
    if (this.pending.size > FEED_HINTS || this.bytes > FEED_HINT_BYTES) this.overflow();
    else this.events.changed({ kind, mount, rel });
  }

  gap(why: GapReason): void {
    this.gaps += 1;
    this.why = why;
    this.events.gap(why);
  }

  /** All paths are forgotten, because a full scan costs less or the record cannot hold them. */
  overflow(): void {
    this.pending.clear();
    this.bytes = 0;
    this.events.overflowed();
    this.gap('overflow');
  }

  /** When {@link answerMissing} has something to do; undefined if nothing waits. */
  get nextMissingMs(): number | undefined {
    const [oldest] = this.unanswered.values();
    return oldest && oldest.sinceMs + FEED_ANSWER_WAIT_MS;
  }

  /** Makes hints of the request lines whose response line is missing: the change may have happened. */
  answerMissing(nowMs: number): void {
    for (const [id, { sinceMs, ...asked }] of this.unanswered) {
      if (sinceMs + FEED_ANSWER_WAIT_MS > nowMs) return;
      this.answered(id);
      this.change(asked);
    }
  }

  /** @param upTo number of the last hint that a cycle has published */
  forgetHandled(upTo: number): void {
    for (const [key, { seq, mount, rel }] of this.pending) {
      if (seq > upTo) return;
      this.pending.delete(key);
      this.bytes -= sizeOf(mount, rel);
    }
  }

  saw(ids: readonly string[]): boolean {
    return ids.some((id) => this.proofs.has(id));
  }

  record(nowMs: number): FeedRecord {
    return {
      v: 1,
      receiver: this.receiver,
      gaps: this.gaps,
      why: this.why,
      hints: [...this.pending.values()].map(({ seq, mount, rel }) => [seq, mount, rel]),
      seen: [...this.proofs],
      writtenMs: nowMs,
    };
  }

  private ask(id: string, { kind, mount, rel }: Changed, nowMs: number): void {
    // A line that is repeated does not wait longer, and holds up no other one.
    if (this.unanswered.has(id)) return;
    this.unanswered.set(id, { kind, mount, rel, sinceMs: nowMs });
    this.unansweredBytes += sizeOf(mount, rel);
    if (this.unanswered.size <= FEED_UNANSWERED && this.unansweredBytes <= FEED_UNANSWERED_BYTES) return;
    this.unanswered.clear();
    this.unansweredBytes = 0;
    this.gap('overflow');
  }

  private answered(id: string): void {
    const asked = this.unanswered.get(id);
    if (asked === undefined) return;
    this.unanswered.delete(id);
    this.unansweredBytes -= sizeOf(asked.mount, asked.rel);
  }

  private prove(id: string): void {
    this.proofs.add(id);
    const [oldest] = this.proofs;
    if (this.proofs.size > FEED_SEEN && oldest !== undefined) this.proofs.delete(oldest);
    this.events.proven(id);
  }
}

/** Of one hint in the record, without escapes of JSON. */
function sizeOf(mount: string, rel: string): number {
  return Buffer.byteLength(mount) + Buffer.byteLength(rel) + 24;
}
