import type { Location } from '../../../rules/paths';
import type { RequestOptions } from '../../../vault/client';
import { VaultError } from '../../../vault/errors';
import type { Kv2 } from '../../../vault/kv2';
import { FRESH_MS } from '../../../limits';

/**
 * When somebody last asked the origin, to act upon its answer.
 *
 * Check-and-set does not tell everything: a value that was changed and changed back, or a delete that was undone,
 * leaves the version at the destination as it was. A worker that was stopped between its look and its write, and was
 * thought dead meanwhile, would undo what the next one made of it. So what was seen is only good for so long.
 *
 * It counts from when the question is really sent to when the write is: the destination's own version is guarded by
 * check-and-set, and a queue in front of the question makes the answer no older. One in front of the write does.
 */
export class Freshness {
  private wallMs = Date.now();
  private steadyMs = performance.now();

  /** To be called when the question is sent: {@link RequestOptions}. */
  readonly begin = (): void => {
    this.wallMs = Date.now();
    this.steadyMs = performance.now();
  };

  /** By both clocks, because one may be set back, and the other may stand still while a machine sleeps. */
  isFresh(): boolean {
    return Math.max(Date.now() - this.wallMs, performance.now() - this.steadyMs) < FRESH_MS;
  }

  /** What a write is sent with: not any more when what was seen is too old. {@link isTooOld} tells that. */
  writing({ client }: Kv2, path: string, signal: AbortSignal): RequestOptions {
    const onSend = (): void => {
      // As of a request that nobody wants any more: it says nothing about the Vault.
      if (!this.isFresh())
        throw new VaultError('cancelled', client.address, path, 'what was seen is too old');
    };
    return { signal, onSend };
  }

  /** Whether a write was not sent, because what was seen was too old. */
  isTooOld(error: unknown, signal: AbortSignal): boolean {
    return error instanceof VaultError && error.kind === 'cancelled' && !signal.aborted;
  }
}

/** The error after all attempts were too slow to act upon a fresh answer. */
export function tooSlow(vault: Kv2, { mount, rel }: Location): VaultError {
  const detail = `from the question to the origin until this request could be sent it took longer than ${FRESH_MS / 1000} s; it was not sent`;
  return new VaultError('unavailable', vault.client.address, mount + rel, detail);
}
