import { setMaxListeners } from 'node:events';

type Listener = (reason: Error) => void;

interface Entry {
  listeners: Set<Listener>;
  forget: () => void;
}

const entries = new WeakMap<AbortSignal, Entry>();

/**
 * Calls a function when a signal is aborted. All requests of an activity have the same signal: they share one event
 * listener, because adding and removing one is a good part of the cost of a request.
 *
 * @returns removes the function again
 */
export function onAbort(signal: AbortSignal, listener: Listener): () => void {
  const entry = entries.get(signal) ?? listenTo(signal);
  entry.listeners.add(listener);
  return () => {
    // Without a listener, a signal that depends on others can be collected.
    if (entry.listeners.delete(listener) && entry.listeners.size === 0) entry.forget();
  };
}

function listenTo(signal: AbortSignal): Entry {
  const listeners = new Set<Listener>();
  const callAll = (): void => {
    for (const listener of listeners) listener(signal.reason as Error);
  };
  const forget = (): void => {
    signal.removeEventListener('abort', callAll);
    entries.delete(signal);
  };
  const entry = { listeners, forget };
  signal.addEventListener('abort', callAll, { once: true });
  entries.set(signal, entry);
  return entry;
}

/** Waits for work, which continues when the signal is aborted first: then it throws the signal's reason. */
export async function orAborted<T>(work: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (signal === undefined) return work;
  signal.throwIfAborted();
  let forget: (() => void) | undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    forget = onAbort(signal, reject);
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    forget?.();
  }
}

/**
 * Runs work with a signal that is also aborted after a time. Not AbortSignal.timeout: Node may collect one that only
 * AbortSignal.any refers to, and it never fires then.
 */
export async function withinMs<T>(
  ms: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const tooLate = new AbortController();
  const timer = setTimeout(tooLate.abort.bind(tooLate), ms);
  try {
    return await work(forManyRequests(AbortSignal.any([signal, tooLate.signal])));
  } finally {
    clearTimeout(timer);
  }
}

/** Lets any number of requests listen to a signal. Without it Node warns of a leak that does not exist. */
export function forManyRequests(signal: AbortSignal): AbortSignal {
  setMaxListeners(0, signal);
  return signal;
}
