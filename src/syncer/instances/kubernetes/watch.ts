import { setTimeout as sleep } from 'node:timers/promises';
import { Watch, type KubeConfig } from '@kubernetes/client-node';
import { steadyNowMs } from '../../steady-clock';
import { KubernetesError } from './errors';

export interface WatchTimes {
  /** The API ends each watch after this time, and the next one begins: an end proves that the connection works. */
  readonly watchMs: number;
  /** How long an answer to a request may take, and how late the end of a watch may come. */
  readonly answerMs: number;
  /** At least this long from one beginning of a watch to the next. */
  readonly pauseMs: number;
}

export interface WatchEvents {
  /** The list is loaded, and its watch begins. */
  onBegin: () => void;
  /** The API accepts the watch. */
  onAccepted: () => void;
  /** The list is complete at this moment. */
  onProof: () => void;
  onExpired: () => void;
}

/**
 * The library's watch with bounds. Alone it waits for ever for an answer and for events, connects again without a pause,
 * and drops the errors that the API sends as events.
 */
export class BoundedWatch extends Watch {
  private readonly stopped = new AbortController();
  private current: OneWatch | undefined;
  private lastBeginMs = 0;

  constructor(
    config: KubeConfig,
    private readonly times: WatchTimes,
    private readonly events: WatchEvents,
  ) {
    super(config);
  }

  override async watch(
    path: string,
    query: Record<string, string | number | boolean | undefined>,
    onEvent: Parameters<Watch['watch']>[2],
    onEnd: (error: unknown) => void,
  ): Promise<AbortController> {
    this.events.onBegin();
    const watch = new OneWatch(this.times, this.events, onEnd);
    this.current = watch;
    try {
      await this.pace();
      const seconds = Math.max(1, Math.round(this.times.watchMs / 1000));
      const bounded = { ...query, timeoutSeconds: seconds, allowWatchBookmarks: true };
      watch.arm(this.times.answerMs);
      const connection = await super.watch(path, bounded, watch.receiving(onEvent), watch.end);
      watch.accept(connection);
    } catch (error) {
      // Of the access: the library would leave it unhandled.
      watch.end(error);
    }
    return watch.abort;
  }

  /** Ends the watch and the pause before the next one. */
  close(): void {
    this.stopped.abort();
    this.current?.end(new KubernetesError('stopped'));
  }

  private async pace(): Promise<void> {
    const waitMs = this.lastBeginMs + this.times.pauseMs - steadyNowMs();
    if (waitMs > 0) await sleep(waitMs, undefined, { signal: this.stopped.signal });
    this.lastBeginMs = steadyNowMs();
  }
}

/** From one request to the end of its answer. */
class OneWatch {
  /** For the library, which ends a watch with it. */
  readonly abort = new AbortController();
  private ended = false;
  private failed = false;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly times: WatchTimes,
    private readonly events: WatchEvents,
    private readonly onEnd: (error: unknown) => void,
  ) {}

  /** Gives up after this time. */
  arm(withinMs: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.end(
        new KubernetesError('the API stopped answering a watch: check the network and the load of the API'),
      );
    }, withinMs);
  }

  accept(connection: AbortController): void {
    if (this.ended) {
      connection.abort();
      return;
    }
    this.abort.signal.addEventListener('abort', () => {
      connection.abort();
    });
    this.arm(this.times.watchMs + this.times.answerMs);
    this.events.onAccepted();
  }

  receiving(onEvent: Parameters<Watch['watch']>[2]): Parameters<Watch['watch']>[2] {
    return (phase, object, event) => {
      if (this.ended) return;
      onEvent(phase, object, event);
      if (phase !== 'ERROR') {
        this.events.onProof();
        return;
      }
      const { code } = object as { code?: number };
      this.failed = true;
      // The library lists anew by itself after a 410. It would drop any other error and watch again at once.
      if (code === 410) this.events.onExpired();
      else this.end(Object.assign(new Error('refused by an event'), { statusCode: code }));
    };
  }

  readonly end = (error: unknown): void => {
    if (this.ended) return;
    this.ended = true;
    clearTimeout(this.timer);
    this.abort.abort();
    const isClean = error === null || error === undefined;
    if (isClean && !this.failed) this.events.onProof();
    this.onEnd(error);
  };
}
