import { ExplainedError } from '../errors';

/**
 * All failures of a request to Consul, as a closed set.
 *
 * - `forbidden`: 403: the ACL token may not do this
 * - `unavailable`: no answer, a timeout, a 429 or a 5xx: the key is unknown
 * - `too-large`: 413: the value or the transaction is over Consul's limit
 * - `malformed`: not an answer of Consul
 * - `rejected`: any other 4xx
 * - `cancelled`: the caller cancelled the request
 */
export type ConsulErrorKind =
  'forbidden' | 'unavailable' | 'too-large' | 'malformed' | 'rejected' | 'cancelled';

/** A failed request to Consul. The message names the Consul and the key; the client library's error is dropped. */
export class ConsulError extends ExplainedError {
  override readonly name = 'ConsulError';
  /**
   * The agent may have refused the connection: with an answer (`answered`, then nothing was written), or by closing it
   * (`closed`).
   */
  refusal?: 'answered' | 'closed';

  constructor(
    readonly kind: ConsulErrorKind,
    /** Address of the Consul agent. */
    readonly address: string,
    /** Key of the request. */
    readonly key: string,
    detail: string,
  ) {
    super(`Consul ${address}: ${key}: ${detail}`);
  }
}

/** The request exceeds a limit of this Consul. ServerLimits knows the limit afterwards. */
export function isTooLarge(error: unknown): error is ConsulError {
  return error instanceof ConsulError && error.kind === 'too-large';
}

/** A key of vsync in Consul with an unexpected value. Nothing is inferred from it, and nothing is deleted. */
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
