import { inParallel } from '../concurrency/work-pool';
import type { PushedSecret } from '../contract/push';
import { PUSH_GAP_MS, PUSH_READ_AHEAD, PUSH_READS_AT_ONCE } from '../limits';
import type { Changed } from './hints';
import type { Pusher } from './pusher';

export interface RoundsOptions {
  pusher: Pusher;
  /** The current insight of a secret; undefined if it has none, or if the origin does not answer. Does not throw. */
  read: (changed: Changed, signal: AbortSignal) => Promise<PushedSecret | undefined>;
  /** Whether the origin's schedule exists and is not paused. Does not throw. */
  isRunning: () => Promise<boolean>;
  /** An ordinary cycle has to bring something. */
  onLeft: () => void;
  onPush: () => void;
  /** A push was answered, or is given up. */
  onPushed: () => void;
}

/**
 * Reads the metadata of hinted paths, and hands them to the pusher. The first hint after a quiet time goes at once. What
 * arrives during a round, or shortly after its begin, goes with the next one: a path that is hinted a hundred times during
 * a push is read once. A burst is read in parts, and each part is pushed while the next one is read. Consul has no part in
 * it, so a push never waits for it.
 */
export class PushRounds {
  private readonly closing = new AbortController();
  private readonly waiting = new Map<string, Changed>();
  private running: Promise<void> | undefined;
  private onMany: (() => void) | undefined;

  constructor(private readonly options: RoundsOptions) {}

  add(changed: Changed): void {
    if (this.closing.signal.aborted) return;
    const key = `${changed.mount}\n${changed.rel}`;
    if (changed.kind === 'removed') this.waiting.delete(key);
    else if (changed.kind === 'value') this.waiting.set(key, changed);
    if (changed.kind !== 'value') this.options.onLeft();
    if (this.waiting.size >= PUSH_READ_AHEAD) this.onMany?.();
    if (this.waiting.size > 0) this.running ??= this.runAll();
  }

  /** A full scan brings what waits. */
  clear(): void {
    this.waiting.clear();
  }

  async close(): Promise<void> {
    this.closing.abort();
    this.clear();
    this.onMany?.();
    await this.running;
  }

  private async runAll(): Promise<void> {
    // After the lines that arrived together.
    await new Promise(setImmediate);
    while (this.waiting.size > 0) {
      const gap = pause(PUSH_GAP_MS, this.closing.signal);
      await this.round();
      await gap;
    }
    this.running = undefined;
  }

  private async round(): Promise<void> {
    const { pusher, isRunning, onLeft, onPush, onPushed, read } = this.options;
    if (!pusher.canPush) {
      this.waiting.clear();
      onLeft();
      return;
    }
    const batch = this.nextPart();
    const { signal } = this.closing;
    const [mayPush, found] = await Promise.all([
      isRunning(),
      // Closing ends it early.
      inParallel(batch, signal, read, PUSH_READS_AT_ONCE).catch(() => []),
    ]);
    const secrets = found.flatMap((secret) => (secret === undefined ? [] : [secret]));
    if (!mayPush || secrets.length < batch.length) onLeft();
    if (!mayPush || secrets.length === 0) return;
    onPush();
    void pusher.push(secrets).then((result) => {
      onPushed();
      if (result === 'left') onLeft();
    });
    if (this.waiting.size < PUSH_READ_AHEAD) await Promise.race([pusher.free(), this.many()]);
  }

  private nextPart(): Changed[] {
    const part = [...this.waiting].slice(0, PUSH_READ_AHEAD);
    for (const [key] of part) this.waiting.delete(key);
    return part.map(([, changed]) => changed);
  }

  /** Waits for so many paths that they are read while the push is under way. */
  private many(): Promise<void> {
    return new Promise((resolve) => {
      this.onMany = resolve;
    });
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end);
  });
}
