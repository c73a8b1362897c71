import { ExplainedError } from '../errors';

/**
 * All failures of a request to Vault, as a closed set. Only `classify` turns a status code into one of them; its rules
 * come from Vault's API documentation and from measurements.
 *
 * - `absent`: 404 without an error text: nothing is stored there
 * - `no-mount`: no secrets engine answers at that path, or it is not KV version 2
 * - `forbidden`: 403 of Vault itself: the token is dead, or a policy lacks something
 * - `conflict`: a check-and-set write met another version than the expected one, of the value or of the metadata
 * - `throttled`: 429: a quota
 * - `sealed`: 503 of a sealed Vault
 * - `unavailable`: no answer, a timeout, a 5xx, a "not ready yet" or a standby without its active node: the secret is
 *   unknown
 * - `too-large`: the value is over a limit of this Vault: of its storage, or of the JSON that it takes
 * - `malformed`: not an answer of Vault (a proxy's HTML page, for example), whatever its status
 * - `rejected`: any other 4xx; also a path that cannot be sent
 * - `cancelled`: the caller cancelled the request
 */
export type VaultErrorKind =
  | 'absent'
  | 'no-mount'
  | 'forbidden'
  | 'conflict'
  | 'throttled'
  | 'sealed'
  | 'unavailable'
  | 'too-large'
  | 'malformed'
  | 'rejected'
  | 'cancelled';

/** Kinds that may pass by themselves: repeating the request may help. */
const TRANSIENT: ReadonlySet<VaultErrorKind> = new Set(['throttled', 'sealed', 'unavailable']);

/**
 * A failed request to Vault. The message names the Vault and the path, never a value or a token. It consists of vsync's
 * own words and Vault's error text. A client library's error, which holds value and token, is dropped.
 */
export class VaultError extends ExplainedError {
  override readonly name = 'VaultError';

  /** The whole Vault is down, or a quota refuses everything: the path is unknown. Set by VaultTraffic. */
  isOutage = false;
  /** No answer in time. */
  isTimeout = false;

  constructor(
    readonly kind: VaultErrorKind,
    /** Address of the Vault that was asked. */
    readonly address: string,
    /** API path that was asked for, without `/v1/`. */
    readonly path: string,
    /** What happened and what to do, without the Vault and the path. */
    readonly detail: string,
    /** HTTP status, when there was an answer. */
    readonly status?: number,
    /** Pause that Vault asked for, in milliseconds (`Retry-After`). */
    readonly retryAfterMs?: number,
  ) {
    super(`Vault ${address}: ${path}: ${detail}`);
  }

  get transient(): boolean {
    return TRANSIENT.has(this.kind);
  }
}

/** The failure of a request that the caller cancelled. */
export function cancelledRequest(address: string, path: string): VaultError {
  return new VaultError('cancelled', address, path, 'the request was cancelled');
}

/** The answer; undefined if Vault, or a proxy in front of it, refuses. An outage is not an answer, and is thrown. */
export async function unlessRefused<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof VaultError) || error.transient || error.kind === 'cancelled') throw error;
    return undefined;
  }
}

/** Vault's text for a value; OpenBao's texts for metadata of another version, or of none where one was expected. */
const CONFLICT =
  /check-and-set parameter (did|does) not match|metadata_cas must be 0 when creating new metadata/;

/**
 * Classes an answer of Vault that is not a success.
 *
 * @param errors the `errors` of the body; undefined if the body is not Vault's JSON
 */
export function classify(status: number, errors: readonly string[] | undefined): VaultErrorKind {
  const text = errors?.join('; ') ?? '';
  if (status === 404) {
    if (errors === undefined) return 'malformed';
    if (errors.length === 0) return 'absent';
    return /no handler for route|unsupported path/.test(text) ? 'no-mount' : 'rejected';
  }
  // Vault itself always sends `errors`, perhaps empty: without it this is the answer of a firewall or a gateway.
  if (status === 403) return errors === undefined ? 'malformed' : 'forbidden';
  // A standby that cannot forward the request: the active node died, or is not elected yet.
  if (status === 307) return 'unavailable';
  if (status === 429) return 'throttled';
  if (status === 412) return 'unavailable'; // the required index has not reached this node yet
  // Also with 500: so Vault refuses JSON that is too deep, too long or has too many entries; OpenBao answers 400.
  if (
    status === 413 ||
    /too large|exceeds? .*(limit|size|length|depth|count)|JSON input due to high complexity/i.test(text)
  )
    return 'too-large';
  if (status === 503) return /sealed/i.test(text) ? 'sealed' : 'unavailable';
  // A gateway that does not know the method. The health of a Vault that is not initialised is JSON with this status.
  if (status === 501 && errors === undefined) return 'malformed';
  if (status >= 500) return 'unavailable';
  if (status === 400) {
    if (CONFLICT.test(text)) return 'conflict';
    // The answer of KV while it upgrades a mount or waits for its primary: never "missing".
    if (/Upgrading from non-versioned|Waiting for the primary/i.test(text)) return 'unavailable';
  }
  return errors === undefined || (status >= 300 && status < 400) ? 'malformed' : 'rejected';
}
