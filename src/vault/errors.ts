import { z } from 'zod';
import type { Role } from '../contract/ids';
import { ExplainedError } from '../errors';
import { explainForeignAnswer, explainForeignPage, explainGateway, pathHint } from '../network/explain';

/** All failures of a request to Vault, as a closed set. */
export type VaultErrorKind =
  /** 404 without an error text: nothing is stored there. */
  | 'absent'
  /** No secrets engine answers at that path, or it is not KV version 2. */
  | 'no-mount'
  /** 403 of Vault itself: the token is dead, or a policy lacks something. */
  | 'forbidden'
  /** A check-and-set write met another version than the expected one, of the value or of the metadata. */
  | 'conflict'
  /** 429: a quota. */
  | 'throttled'
  /** 503 of a sealed Vault. */
  | 'sealed'
  /** No answer, a timeout, a 5xx, a "not ready yet" or a standby without its active node: the secret is unknown. */
  | 'unavailable'
  /** The value is over a limit of this Vault: of its storage, or of the JSON that it takes. */
  | 'too-large'
  /** Not an answer of Vault (a proxy's HTML page, for example), whatever its status. */
  | 'malformed'
  /** Any other 4xx; also a path that cannot be sent. */
  | 'rejected'
  | 'cancelled';

/** Kinds that may pass by themselves: repeating the request may help. */
const TRANSIENT: ReadonlySet<VaultErrorKind> = new Set(['throttled', 'sealed', 'unavailable']);

/** The message has vsync's own words and Vault's error text. A client library's error holds value and token, and is dropped. */
export class VaultError extends ExplainedError {
  override readonly name = 'VaultError';

  /** The whole Vault is down, or a quota refuses everything: the path is unknown. Set by VaultTraffic. */
  isOutage = false;
  /** No answer in time. */
  isTimeout = false;
  /** Which end of the sync the Vault is, if its client knows. */
  side: Role | undefined;

  constructor(
    readonly kind: VaultErrorKind,
    readonly address: string,
    /** API path, without `/v1/`. */
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

export function cancelledRequest(address: string, path: string): VaultError {
  return new VaultError('cancelled', address, path, 'the request was cancelled');
}

/** The answer; undefined if Vault, or a proxy in front of it, refuses. An outage is not an answer, and is thrown. */
export function unlessRefused<T>(ask: () => Promise<T>): Promise<T | undefined> {
  return ask().catch((error: unknown) => {
    if (!(error instanceof VaultError) || error.transient || error.kind === 'cancelled') throw error;
    return undefined;
  });
}

/** Vault's text for a value; OpenBao's texts for metadata of another version, or of none where one was expected. */
const CONFLICT =
  /check-and-set parameter (did|does) not match|metadata_cas must be 0 when creating new metadata/;

/**
 * Classes an answer of Vault that is not a success. Nothing else turns a status code into a kind; the rules come from
 * Vault's API documentation and from measurements.
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

/** An answer of Vault, or of a proxy in between, that is not a success. */
interface Refusal {
  readonly kind: VaultErrorKind;
  readonly status: number;
  /** As for {@link classify}. */
  readonly errors: readonly string[] | undefined;
  readonly body: unknown;
  /** The Vault's URL, and the namespace of its configuration. */
  readonly address: string;
  readonly namespace: string;
  /** The answer to a login. */
  readonly isLogin: boolean;
}

/** Explains which layer refused, and what to do there. Quotes only Vault's `errors`: the page of a proxy may hold anything. */
export function explain(refusal: Refusal): string {
  const { kind, status } = refusal;
  const said = wordsOf(refusal);
  switch (kind) {
    case 'absent':
      if (!refusal.isLogin) return 'nothing is stored there (404)';
      return 'no auth method answers the login (404); check the address and approle.path';
    case 'no-mount':
      return `no secrets engine is mounted there (404${said}); check the mounts in the configuration${hints(refusal)}`;
    case 'forbidden':
      return explainForbidden(refusal, said);
    case 'conflict':
      return 'another version was written meanwhile (400, check-and-set)';
    case 'throttled':
      return 'too many requests (429): a rate limit quota of this Vault; raise it, or set requestsPerSecond below it';
    case 'sealed':
      return 'the Vault is sealed (503): unseal it';
    case 'unavailable':
      return explainUnavailable(refusal, said);
    case 'too-large':
      return (
        `the secret exceeds a limit of this Vault (${status}${said}): raise the limit of its storage or the max_… of its ` +
        'listener, or make the secret smaller or flatter'
      );
    case 'malformed':
      return explainForeignAnswer({ ...refusal, what: 'Vault' });
    case 'rejected':
      if (refusal.isLogin) return explainLogin(status, said);
      return `the request was refused (${status}${said})${hints(refusal)}`;
    case 'cancelled':
      return `the request was refused (${status}${said})`;
  }
}

/** Explains a success with an unexpected body: a page, or an unfinished login. */
export function explainUnexpected(refusal: Pick<Refusal, 'address' | 'body' | 'isLogin'>): string {
  if (refusal.isLogin && asksForMfa(refusal.body)) {
    return (
      'the login asks for a second factor (MFA), which a worker cannot give; remove this auth method from the login ' +
      'enforcement (vault read identity/mfa/login-enforcement/NAME), or configure a token'
    );
  }
  return explainForeignPage(refusal.address, 'Vault');
}

/** Whether the answer to a login asks for a second factor. */
export function asksForMfa(body: unknown): boolean {
  return HalfLogin.safeParse(body).success;
}

const HalfLogin = z.object({ auth: z.object({ mfa_requirement: z.looseObject({}) }) });

function wordsOf({ errors = [] }: Refusal): string {
  return errors.length === 0 ? '' : `: ${errors.join('; ').replace(/\s+/g, ' ').trim()}`;
}

function explainForbidden({ status, isLogin, namespace, errors = [] }: Refusal, said: string): string {
  if (isLogin) {
    const place = namespace === '' ? '' : `, and the namespace ${namespace}`;
    return `the login was refused (${status}${said}); check that this auth method exists (approle.path)${place}`;
  }
  // The text for a token that Vault does not have. A policy that lacks something gets only "permission denied".
  const isUnknown = errors.some((text) => /invalid token|bad token/i.test(text));
  const why = isUnknown
    ? 'check the token: this Vault does not know it. It has ended, was revoked, or belongs to another Vault or namespace'
    : 'check the token and its policies';
  return `permission denied (${status}${said}); ${why}`;
}

function explainLogin(status: number, said: string): string {
  const why = /role or secret ID|role ID|secret ID|secret id/i.test(said)
    ? 'check approle.role_id and approle.secret_id: one is wrong or belongs to another role, or the secret id has ended or has no uses left'
    : 'check the keys of approle';
  return `the login was refused (${status}${said}); ${why}`;
}

function explainUnavailable({ status, errors }: Refusal, said: string): string {
  if (status === 307) {
    return (
      'it redirects (307), as a standby does while no node is active; that passes. If it does not, configure the ' +
      'address that it redirects to: vsync follows no redirect, which would send the token there'
    );
  }
  // Vault's own 503 has `errors`.
  const gateway = errors === undefined ? explainGateway(status, 'Vault') : undefined;
  return gateway ?? `the Vault cannot answer now (${status}${said})`;
}

function hints({ address, namespace }: Refusal): string {
  return pathHint(address) + (namespace === '' ? '' : `; does the namespace ${namespace} exist there?`);
}
