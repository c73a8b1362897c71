import { forManyRequests } from '../concurrency/abort';

/** Ctrl-C ends the work in order. A second one ends the process at once, and so does one after the work. */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController();
  const interrupt = (): void => {
    stop.abort();
  };
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const signal of signals) process.once(signal, interrupt);
  try {
    return await work(forManyRequests(stop.signal));
  } finally {
    for (const signal of signals) process.off(signal, interrupt);
  }
}
