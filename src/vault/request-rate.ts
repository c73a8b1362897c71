import pThrottle from 'p-throttle';
import { orAborted } from '../concurrency/abort';

interface Limit {
  readonly perSecond: number;
  /** Resolves when one more request may be sent. */
  readonly turn: () => Promise<void>;
  /** How many configurations set it. */
  users: number;
}

/** By scheme, host and port of the Vault's URL. One for the process: several configurations may use the same Vault. */
const limits = new Map<string, Limit[]>();

/** Of several limits for the same Vault the lowest applies. @returns removes this limit again */
export function limitRequests(address: string, perSecond: number): () => void {
  const key = keyOf(address);
  const ofVault = limits.get(key) ?? [];
  limits.set(key, ofVault);
  let limit = ofVault.find((other) => other.perSecond === perSecond);
  if (limit === undefined) {
    // Strict: no span of one second has more, not only the span between two clock ticks. With a weight, p-throttle
    // checks again when a late timer fires; otherwise requests that are late together would be sent together.
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

export function isLimited(address: string): boolean {
  return limits.size > 0 && limits.has(keyOf(address));
}

/** Waits until one more request may be sent to a Vault. Throws the signal's reason if it is aborted before. */
export async function awaitTurn(address: string, signal?: AbortSignal): Promise<void> {
  const lowest = limits.get(keyOf(address))?.[0];
  if (lowest === undefined) return;
  signal?.throwIfAborted();
  // The turn of a cancelled request is lost: that errs on the side of fewer requests.
  await orAborted(lowest.turn(), signal);
}

function keyOf(address: string): string {
  return new URL(address).origin;
}
