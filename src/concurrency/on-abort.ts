type Stop = (reason: Error) => void;

/** Who wants to be told of each signal. */
const stops = new WeakMap<AbortSignal, { all: Set<Stop>; forget: () => void }>();

/**
 * Calls a function when a signal is aborted. All requests of an activity have the same signal: one listener serves
 * them together, because adding and removing one is a good part of what a request costs.
 *
 * @returns takes it back
 */
export function onAbort(signal: AbortSignal, stop: Stop): () => void {
  const entry = stops.get(signal) ?? listenTo(signal);
  entry.all.add(stop);
  return () => {
    // Without a listener, a signal that was made of others can be collected.
    if (entry.all.delete(stop) && entry.all.size === 0) entry.forget();
  };
}

function listenTo(signal: AbortSignal): { all: Set<Stop>; forget: () => void } {
  const all = new Set<Stop>();
  const tell = (): void => {
    for (const stop of all) stop(signal.reason as Error);
  };
  const entry = {
    all,
    forget: () => {
      signal.removeEventListener('abort', tell);
      stops.delete(signal);
    },
  };
  signal.addEventListener('abort', tell, { once: true });
  stops.set(signal, entry);
  return entry;
}
