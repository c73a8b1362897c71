import { setMaxListeners } from 'node:events';

/**
 * The same signal, for work that sends many requests: each request in flight listens to it, so Node's warning about a
 * leak would be wrong.
 */
export function forManyRequests(signal: AbortSignal): AbortSignal {
  setMaxListeners(0, signal);
  return signal;
}
