import { setTimeout as sleep } from 'node:timers/promises';
import {
  ListWatch,
  type KubeConfig,
  type KubernetesListObject,
  type KubernetesObject,
} from '@kubernetes/client-node';
import { withinMs } from '../../../concurrency/abort';
import { steadyNowMs } from '../../steady-clock';
import { explainFailure, type Asked } from './errors';
import { BoundedWatch, type WatchTimes } from './watch';

export interface ListTimes extends WatchTimes {
  /** From the first failure to the next try; doubles with each further one. */
  readonly firstRetryMs: number;
  readonly lastRetryMs: number;
}

/** One kind of objects, and how to ask for them. */
export interface Listed<T extends KubernetesObject> {
  readonly asked: Omit<Asked, 'verb'>;
  readonly path: string;
  readonly selector: { readonly label?: string; readonly field?: string };
  readonly list: (config: KubeConfig, signal: AbortSignal) => Promise<KubernetesListObject<T>>;
}

/**
 * The objects of one kind, listed and then watched with the informer of the client library. The informer ends at its
 * first error; here the next one begins after a pause, with new access and a new list. Until that is complete, the
 * objects of the last one count.
 */
export class ObjectList<T extends KubernetesObject> {
  private readonly stopped = new AbortController();
  private readonly firstResult = deferred<undefined>();
  private watch: BoundedWatch | undefined;
  private loaded: ListWatch<T> | undefined;
  private failures = 0;
  private running: Promise<void> | undefined;
  /** Of the newest list, which counts once its watch is accepted: lists alone are not kept up to date. */
  private listedAtMs = 0;
  /** When the list was last known to be complete. */
  freshAtMs: number | undefined;
  /** Why it is not kept up to date now. */
  problem: string | undefined;

  constructor(
    private readonly listed: Listed<T>,
    private readonly options: {
      readonly access: () => KubeConfig;
      readonly times: ListTimes;
      /** Objects or problem have changed. */
      readonly onChange: () => void;
    },
  ) {}

  /** Resolves when the first list is watched, or after the first failure. */
  async start(): Promise<void> {
    this.running ??= this.run();
    await this.firstResult.promise;
  }

  /** Undefined before the first complete list. */
  items(): readonly T[] | undefined {
    return this.loaded?.list();
  }

  async close(): Promise<void> {
    this.stopped.abort();
    this.watch?.close();
    await this.loaded?.stop();
    this.firstResult.resolve(undefined);
    await this.running;
  }

  private async run(): Promise<void> {
    while (!this.isClosed()) {
      const { error, verb } = await this.follow();
      if (!this.isClosed()) await this.rest(explainFailure(error, { ...this.listed.asked, verb }));
    }
  }

  private isClosed(): boolean {
    return this.stopped.signal.aborted;
  }

  /** Between a failure and the next try. */
  private async rest(problem: string): Promise<void> {
    this.problem = problem;
    this.options.onChange();
    this.firstResult.resolve(undefined);
    await sleep(this.retryMs(), undefined, { signal: this.stopped.signal }).catch(() => undefined);
  }

  /** Lists and watches until the first error, which is returned. */
  private async follow(): Promise<{ error: unknown; verb: Asked['verb'] }> {
    let verb: Asked['verb'] = 'list';
    const ended = deferred<unknown>();
    try {
      const config = this.options.access();
      const watch = new BoundedWatch(config, this.options.times, {
        onBegin: () => {
          verb = 'watch';
          this.load(informer);
        },
        onAccepted: () => {
          this.freshAtMs = Math.max(this.listedAtMs, this.freshAtMs ?? 0);
          this.firstResult.resolve(undefined);
          this.solve();
        },
        onProof: () => {
          this.failures = 0;
          this.freshAtMs = steadyNowMs();
        },
        onExpired: () => {
          verb = 'list';
        },
      });
      const { path, selector } = this.listed;
      const list = (): Promise<KubernetesListObject<T>> => this.list(config);
      const informer = new ListWatch<T>(path, watch, list, false, selector.label, selector.field);
      informer.on('error', ended.resolve);
      informer.on('change', this.options.onChange);
      this.watch = watch;
      await informer.start();
      return { error: await ended.promise, verb };
    } catch (error) {
      return { error, verb };
    } finally {
      this.watch?.close();
    }
  }

  private async list(config: KubeConfig): Promise<KubernetesListObject<T>> {
    const askedAtMs = steadyNowMs();
    const list = await withinMs(this.options.times.answerMs, this.stopped.signal, (signal) =>
      this.listed.list(config, signal),
    );
    this.listedAtMs = askedAtMs;
    return list;
  }

  /** The informer has its list. */
  private load(informer: ListWatch<T>): void {
    const isNew = this.loaded !== informer;
    this.loaded = informer;
    if (isNew) this.options.onChange();
  }

  private solve(): void {
    if (this.problem === undefined) return;
    this.problem = undefined;
    this.options.onChange();
  }

  /** With a random part, so that many processes do not ask at the same moment. */
  private retryMs(): number {
    const { firstRetryMs, lastRetryMs } = this.options.times;
    const full = Math.min(lastRetryMs, firstRetryMs * 2 ** Math.min(this.failures, 20));
    this.failures += 1;
    return full * (0.5 + Math.random() / 2);
  }
}

interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
}

function deferred<T>(): Deferred<T> {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
