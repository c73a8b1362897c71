import pThrottle from 'p-throttle';
import { orAborted } from '../concurrency/abort';

/** The limits of one Vault: requests per second, with the number of those who asked for it. */
interface Limit {
  readonly perSecond: number;
  /** Resolves when one more request may be sent. */
  readonly turn: () => Promise<void>;
  users: number;
}

/** By the origin of the Vault's URL. One for the process: several configurations may name the same Vault. */
const limits = new Map<string, Limit[]>();

/**
 * Limits the requests to a Vault, for this process and whoever sends them. Where several limits are given for the
 * same Vault, the lowest counts.
 *
 * @returns lifts this limit again
 */
export function limitRequests(address: string, perSecond: number): () => void {
  const key = keyOf(address);
  const ofVault = limits.get(key) ?? [];
  limits.set(key, ofVault);
  let limit = ofVault.find((other) => other.perSecond === perSecond);
  if (limit === undefined) {
    // Strict: in no span of a second are there more, not only between two ticks of a clock. With a weight it also
    // looks again when a late timer fires; else those that are late together would be sent together.
    const throttle = pThrottle({ limit: perSecond, interval: 1000, strict: true, weight: () => 1 });
    limit = { perSecond, turn: throttle(() => Promise.resolve()), users: 0 };
    ofVault.push(limit);
    ofVault.sort((a, b) => a.perSecond - b.perSecond);
  }
  const mine = limit;
  mine.users++;
  let lifted = false;
  return () => {
    if (lifted) return;
    lifted = true;
    if (--mine.users > 0) return;
    ofVault.splice(ofVault.indexOf(mine), 1);
    if (ofVault.length === 0) limits.delete(key);
  };
}

/** Whether there is a limit for a Vault: without one, nothing is worth a wait. */
export function isLimited(address: string): boolean {
  return limits.size > 0 && limits.has(keyOf(address));
}

/**
 * Waits until one more request may be sent to a Vault.
 *
 * @throws the signal's reason if it is aborted before
 */
export async function awaitTurn(address: string, signal?: AbortSignal): Promise<void> {
  const lowest = limits.get(keyOf(address))?.[0];
  if (lowest === undefined) return;
  signal?.throwIfAborted();
  // A turn that nobody waits for any more is lost: that errs on the side of fewer requests.
  await orAborted(lowest.turn(), signal);
}

/** Scheme, host and port as a URL has them: in lower case, without a port that is the default. */
function keyOf(address: string): string {
  return new URL(address).origin;
}
