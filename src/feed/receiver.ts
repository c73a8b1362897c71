import { randomBytes } from 'node:crypto';
import type { FeedView } from '../activities/origin/feed-view';
import { ConsulError } from '../consul/errors';
import type { PushedSecret } from '../contract/push';
import { ExplainedError } from '../errors';
import {
  FEED_CLOSE_MS,
  FEED_PAUSED_CHECK_MS,
  FEED_RECORD_REFRESH_MS,
  FEED_SEEN,
  FEED_UNPROVEN_CYCLES,
} from '../limits';
import type { Logger } from '../log';
import { readAuditLine, type FeedScope, type HintKind, type LineResult } from '../rules/audit-line';
import type { PathFilter } from '../rules/filter';
import { insightOfMetadata } from '../rules/insight';
import { dataPath } from '../rules/paths';
import type { FeedDone, FeedRecord, FeedRecords, GapReason } from '../sync-info/feed-record';
import type { Kv2 } from '../vault/kv2';
import { GapScans } from './gap-scans';
import { Hints, type Changed } from './hints';
import type { EventSink, FeedSink } from './listener';
import { NotedListener } from './noted-listener';
import type { OriginSchedule } from './origin-schedule';
import { PushRounds } from './push-rounds';
import type { Pusher } from './pusher';
import { Settling } from './settling';

export interface ReceiverOptions {
  scope: FeedScope;
  /** `include` and `exclude` of the origin. */
  filter: PathFilter;
  vault: Pick<Kv2, 'metadata'>;
  records: Pick<FeedRecords, 'put'>;
  pusher: Pusher;
  schedule: Pick<OriginSchedule, 'isRunning' | 'trigger'>;
  tickMs: number;
  /** Identity of the worker in Temporal. */
  worker: string;
  log: Logger;
}

/**
 * Collects what the listeners of this process hear about one origin. Two things follow a hint: its metadata are read and
 * pushed to the destinations, and a cycle settles the sync info. Neither waits for the other.
 *
 * A hint is forgotten only when a cycle has published what it was about. Whatever may have lost one counts as a gap, which
 * leads to a full scan. So a crash, an outage or a flood costs a scan, and never a change.
 */
export class Receiver implements FeedSink, EventSink, FeedView {
  private readonly hints: Hints;
  private readonly rounds: PushRounds;
  private readonly settling: Settling;
  private readonly gapScans: GapScans;
  private readonly closing = new AbortController();
  private isListening = false;
  private missingTimer: NodeJS.Timeout | undefined;
  private done: FeedDone | undefined;
  /** Requests that lines are about, and no cycle of this process has asked for: perhaps one of another process does. */
  private readonly unclaimed = new Set<string>();
  /** Requests of the last cycle in this process whose lines are still on their way. */
  private readonly awaited = new Set<string>();
  /** Cycles that were triggered since the last proof line. */
  private unproven = 0;
  private recordedVersion = 0;
  private recordedMs = -Infinity;
  /** Number of the last hint that a cycle has published. A Consul that says less was restored from a backup. */
  private forgotten = 0;
  private isUnrecorded = false;
  private readonly listeners: NotedListener[] = [];
  /** When something may have been missed the last time. */
  private gapMs = Date.now();

  constructor(private readonly options: ReceiverOptions) {
    const { pusher, schedule, tickMs } = options;
    this.gapScans = new GapScans(tickMs);
    this.rounds = new PushRounds({
      pusher,
      read: (changed, signal) => this.read(changed, signal),
      isRunning: () => schedule.isRunning(),
      onLeft: () => {
        this.settling.atOnce();
      },
      onPush: () => {
        this.settling.pushBegan();
      },
      onPushed: () => {
        this.settling.pushEnded();
      },
    });
    this.settling = new Settling({
      record: () => this.record(this.closing.signal),
      isNeeded: () => this.hints.size > 0 || this.hasUnscannedGap,
      trigger: () => this.trigger(),
      onUnrecorded: (error) => {
        this.afterFailedRecord(error);
      },
    });
    this.hints = new Hints(randomBytes(8).toString('hex'), {
      changed: (changed) => {
        this.settling.soon();
        this.rounds.add(changed);
      },
      overflowed: () => {
        this.rounds.clear();
      },
      gap: (why) => {
        this.afterGap(why);
      },
      proven: (id) => {
        this.unproven = 0;
        if (this.awaited.delete(id)) return;
        this.addUnclaimed(id);
        this.settling.recordSoon();
      },
    });
  }

  /** The sink for one of its listeners. @param kind `socket`, `http` or `events` */
  sinkOf(kind: string): NotedListener {
    const listener = new NotedListener(kind, this);
    this.listeners.push(listener);
    return listener;
  }

  /** From now on this receiver counts, and its first cycle is a full scan. */
  listening(): void {
    this.isListening = true;
    this.settling.atOnce();
  }

  line(line: Buffer): void {
    try {
      this.take(readAuditLine(line, this.options.scope));
    } catch {
      // Without the error, which could quote the line.
      this.gap('unparsable');
    }
  }

  changed(kind: HintKind, mount: string, rel: string): void {
    if (kind === 'settings' && !this.options.scope.settings) return;
    this.take({ is: 'hint', kind, mount, rel, id: '' });
  }

  gap(why: GapReason): void {
    this.hints.gap(why);
  }

  connected(count: number): void {
    this.options.log.debug({ connections: count }, 'feed: connections that bring lines');
  }

  /** One line about any of a cycle's requests is enough. Those that follow concern no other process either. */
  sawRequest(ids: readonly string[]): boolean {
    if (!this.hints.saw(ids)) return false;
    this.awaited.clear();
    for (const id of ids) if (!this.unclaimed.has(id)) this.awaited.add(id);
    // A cycle asks for its mounts before too, in its preflight: those lines concern no other process either.
    this.unclaimed.clear();
    return true;
  }

  own(): FeedRecord | undefined {
    return this.isListening ? this.recordNow() : undefined;
  }

  onPublished(done: FeedDone): void {
    this.done = done;
    const handled = this.handledBy(done);
    this.forgotten = Math.max(this.forgotten, handled);
    this.hints.forgetHandled(handled);
  }

  private recordNow(): FeedRecord {
    const listeners = this.listeners.map(({ note }) => note);
    return { ...this.hints.record(Date.now()), worker: this.options.worker, gapMs: this.gapMs, listeners };
  }

  private handledBy(done: FeedDone | undefined): number {
    return done?.handled[this.hints.receiver] ?? 0;
  }

  /** To be called after the listeners are closed. What a cycle has not dealt with is written once more. */
  async close(): Promise<void> {
    clearTimeout(this.missingTimer);
    await this.rounds.close();
    const tooLate = setTimeout(() => {
      this.closing.abort();
    }, FEED_CLOSE_MS);
    try {
      await this.settling.close();
      // No response line can arrive any more.
      this.hints.answerMissing(Infinity);
      await this.record(this.closing.signal);
    } catch {
      // The id of this receiver ends with its process, and the next one begins with a full scan.
    } finally {
      clearTimeout(tooLate);
    }
  }

  private take(line: LineResult): void {
    const isChange = line.is === 'hint' || line.is === 'asked';
    if (isChange && !this.options.filter.allows(line.mount + line.rel)) return;
    this.hints.take(line, performance.now());
    if (line.is === 'asked') this.awaitAnswers();
  }

  /** Wakes up when a request line has waited long enough for its response line. */
  private awaitAnswers(): void {
    const { nextMissingMs } = this.hints;
    if (this.missingTimer !== undefined || nextMissingMs === undefined) return;
    const wake = (): void => {
      this.missingTimer = undefined;
      this.hints.answerMissing(performance.now());
      this.awaitAnswers();
    };
    this.missingTimer = setTimeout(wake, Math.max(0, nextMissingMs - performance.now())).unref();
  }

  /** Anyone may ask for a mount, as Vault's own command does: a record names the last ones only. */
  private addUnclaimed(id: string): void {
    this.unclaimed.add(id);
    const [oldest] = this.unclaimed;
    if (this.unclaimed.size > FEED_SEEN && oldest !== undefined) this.unclaimed.delete(oldest);
  }

  private get hasUnscannedGap(): boolean {
    return this.done?.scan.gaps[this.hints.receiver] !== this.hints.gapCount;
  }

  private afterGap(why: GapReason): void {
    this.gapMs = Date.now();
    this.options.log.debug({ why }, 'feed: something may have been missed; a full scan follows');
    this.settling.soon();
  }

  private async read({ mount, rel }: Changed, signal: AbortSignal): Promise<PushedSecret | undefined> {
    try {
      const metadata = await this.options.vault.metadata(mount, rel, signal);
      const insight = metadata && insightOfMetadata(metadata, Date.now());
      return insight && [dataPath(mount, rel), insight.version, insight.updateTime];
    } catch {
      // The cycle that settles the hint reads it again, and reports what is wrong.
      return undefined;
    }
  }

  /** @returns time until the record has to be written again, because an old one counts as left behind */
  private async record(signal: AbortSignal): Promise<number> {
    const { version } = this.hints;
    if (!this.isListening) return Infinity;
    const againMs = this.recordedMs + FEED_RECORD_REFRESH_MS - performance.now();
    // A paused origin asks again and again, and has nothing new to write.
    if (this.unclaimed.size === 0 && version === this.recordedVersion && againMs > 0) return againMs;
    const told = [...this.unclaimed];
    // As of now: a cycle may publish more while Consul answers.
    const { forgotten } = this;
    const wasNoted = this.done !== undefined;
    const done = await this.options.records.put(this.recordNow(), signal);
    this.recordedVersion = version;
    this.recordedMs = performance.now();
    for (const id of told) this.unclaimed.delete(id);
    if (this.isUnrecorded) this.options.log.info('feed: Consul takes the record of the feed again');
    this.isUnrecorded = false;
    if (wasNoted && (done === undefined || this.handledBy(done) < forgotten)) this.afterRestore(done);
    if (done !== undefined) this.onPublished(done);
    return FEED_RECORD_REFRESH_MS;
  }

  /** Consul holds an older state: what cycles have published since then is gone, and so are its hints. */
  private afterRestore(done: FeedDone | undefined): void {
    this.done = done;
    this.forgotten = this.handledBy(done);
    this.gap('restored');
  }

  private async trigger(): Promise<number | undefined> {
    // The cycle would be a full scan. A feed of events never has a proof line.
    const isScan = this.hasUnscannedGap || this.unproven >= FEED_UNPROVEN_CYCLES;
    const waitMs = isScan ? this.gapScans.waitMs(performance.now()) : 0;
    if (waitMs > 0) return waitMs;
    if (!(await this.options.schedule.trigger())) return FEED_PAUSED_CHECK_MS;
    if (isScan) this.gapScans.requested(performance.now());
    this.unproven += 1;
    return undefined;
  }

  private afterFailedRecord(error: unknown): void {
    if (this.closing.signal.aborted) return;
    if (error instanceof ConsulError && error.kind === 'too-large') {
      this.hints.overflow();
      return;
    }
    if (this.isUnrecorded) return;
    this.isUnrecorded = true;
    // Of a foreign error only the name: its message may hold a secret.
    const why = error instanceof ExplainedError ? error.message : error instanceof Error ? error.name : '';
    this.options.log.warn(
      `feed: the record of the feed cannot be written (${why}); it is tried each second, and changes still arrive by ` +
        'push or with the next tick',
    );
  }
}
