import { ExplainedError } from '../errors';

/**
 * Everything that can go wrong between us and Consul, as a closed set.
 *
 * - `forbidden`: 403: the ACL token may not do this
 * - `unavailable`: no answer, a timeout, a 429 or a 5xx: it says nothing about the key
 * - `too-large`: 413: the value or the transaction is over Consul's limit
 * - `malformed`: the answer is not what Consul would send
 * - `rejected`: any other 4xx
 * - `cancelled`: we gave the request up ourselves
 */
export type ConsulErrorKind =
  'forbidden' | 'unavailable' | 'too-large' | 'malformed' | 'rejected' | 'cancelled';

/** A failed request to Consul. The message names the Consul and the key; no client library's error travels along. */
export class ConsulError extends ExplainedError {
  override readonly name = 'ConsulError';
  /**
   * The agent may have refused the connection: it said so (`answered`, nothing was done then), or closed it without an
   * answer (`closed`).
   */
  refusal?: 'answered' | 'closed';

  constructor(
    readonly kind: ConsulErrorKind,
    /** Address of the Consul agent that was asked. */
    readonly address: string,
    /** Key that was asked for. */
    readonly key: string,
    detail: string,
  ) {
    super(`Consul ${address}: ${key}: ${detail}`);
  }
}

/** More than a limit of this Consul, which knows it afterwards. */
export function isTooLarge(error: unknown): error is ConsulError {
  return error instanceof ConsulError && error.kind === 'too-large';
}

/** A key of ours in Consul that does not hold what it should. Nothing is guessed from it, and nothing deleted. */
export class StoredInfoError extends ExplainedError {
  override readonly name = 'StoredInfoError';

  constructor(
    readonly address: string,
    readonly key: string,
    detail: string,
  ) {
    super(`Consul ${address}: ${key}: ${detail}`);
  }
}
