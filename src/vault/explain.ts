import { z } from 'zod';
import { explainForeignAnswer, explainForeignPage, explainGateway, pathHint } from '../network/explain';
import type { VaultErrorKind } from './errors';

/** An answer of Vault, or of a proxy in between, that is not a success. */
export interface Refusal {
  readonly kind: VaultErrorKind;
  readonly status: number;
  /** The `errors` of the body; undefined if the body is not Vault's JSON. */
  readonly errors: readonly string[] | undefined;
  readonly body: unknown;
  /** The Vault's URL, and the namespace of its configuration. */
  readonly address: string;
  readonly namespace: string;
  /** The answer to a login. */
  readonly isLogin: boolean;
}

/**
 * Explains a refusal: which layer refused (a proxy, Vault, a policy), and what to do there. It quotes only Vault's own
 * `errors`. It does not quote the page of a proxy, which may hold anything.
 */
export function explain(refusal: Refusal): string {
  const { kind, status } = refusal;
  const said = wordsOf(refusal);
  switch (kind) {
    case 'absent':
      return refusal.isLogin
        ? 'no auth method answers the login (404); check the address and approle.path'
        : 'nothing is stored there (404)';
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
      if (refusal.isLogin) return explainLogin(refusal, said);
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

function wordsOf({ errors }: Refusal): string {
  return errors !== undefined && errors.length > 0
    ? `: ${errors.join('; ').replace(/\s+/g, ' ').trim()}`
    : '';
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

function explainLogin({ status }: Refusal, said: string): string {
  const isPair = /role or secret ID|role ID|secret ID|secret id/i.test(said);
  return `the login was refused (${status}${said}); ${
    isPair
      ? 'check approle.role_id and approle.secret_id: one is wrong or belongs to another role, or the secret id has ended or has no uses left'
      : 'check the keys of approle'
  }`;
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
  if (gateway !== undefined) return gateway;
  return `the Vault cannot answer now (${status}${said})`;
}

function hints({ address, namespace }: Refusal): string {
  return pathHint(address) + (namespace === '' ? '' : `; does the namespace ${namespace} exist there?`);
}
