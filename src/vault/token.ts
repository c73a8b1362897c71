import { z } from 'zod';
import { TOKEN_WARNING_GAP_MS } from '../limits';
import { AuthBody, grantOf, type TokenGrant, type VaultClient } from './client';
import { storedNamespace } from './namespace';

/* The life of a client's own token: what Vault reports about it, and the plan when to renew it (TokenKeeper uses it). */

/** What Vault reports about a token. Times are seconds. */
export interface TokenLife {
  /** Time left; 0 if the token never ends (a root token). */
  ttlS: number;
  /** Time that it got when it was made or last renewed; the time left if Vault does not report it. */
  grantedS: number;
  renewable: boolean;
  /** Unix time after which no renewal extends it, if one was set explicitly. */
  lastEndS: number | undefined;
  /** Requests left; undefined if their number is not limited. */
  usesLeft: number | undefined;
  /** It ends with the token that made it. One made with `-orphan`, or by a login, does not. */
  endsWithParent: boolean;
  /** A batch token can be neither renewed nor revoked. */
  isBatch: boolean;
  /** Name of the AppRole whose login made it. */
  roleName: string | undefined;
  /** Namespace of the token; empty for the root, and for servers without namespaces. */
  namespace: string;
}

const LookupBody = z.object({
  data: z.object({
    ttl: z.number().min(0),
    creation_ttl: z.number().min(0).nullish(),
    creation_time: z.number().nullish(),
    explicit_max_ttl: z.number().min(0).nullish(),
    renewable: z.boolean().nullish(),
    namespace_path: z.string().nullish(),
    num_uses: z.number().nullish(),
    orphan: z.boolean().nullish(),
    type: z.string().nullish(),
    meta: z.object({ role_name: z.string().nullish() }).nullish(),
  }),
});

/**
 * Reads the life of the client's own token. Vault's `default` policy allows it.
 *
 * @throws VaultError of kind `forbidden` if the token is dead, or may not ask
 */
export async function lookupSelf(client: VaultClient, signal?: AbortSignal): Promise<TokenLife> {
  const { data } = await client.read('auth/token/lookup-self', LookupBody, { signal });
  const { ttl, creation_ttl: granted, creation_time: made, explicit_max_ttl: most } = data;
  return {
    ttlS: ttl,
    // A renewal may have given more than the token began with.
    grantedS: Math.max(ttl, granted ?? 0),
    renewable: data.renewable === true,
    lastEndS: typeof most === 'number' && most > 0 && typeof made === 'number' ? made + most : undefined,
    // This request was one of the uses; after the last one Vault answers -1.
    usesLeft: (data.num_uses ?? 0) === 0 ? undefined : Math.max(0, data.num_uses ?? 0),
    endsWithParent: data.orphan === false,
    isBatch: data.type === 'batch',
    roleName: data.meta?.role_name ?? undefined,
    namespace: storedNamespace(data.namespace_path ?? ''),
  };
}

/**
 * Renews the client's own token, and returns what it has now. Vault's `default` policy allows it.
 *
 * @param askedS time that the token should have from now on; Vault gives less where a max TTL applies
 * @throws VaultError of kind `forbidden` if the token is dead, or may not; `rejected` if it is not renewable
 */
export async function renewSelf(
  client: VaultClient,
  askedS: number,
  signal?: AbortSignal,
): Promise<TokenGrant> {
  const body = { increment: `${Math.ceil(askedS)}s` };
  return grantOf(await client.write('auth/token/renew-self', body, AuthBody, { signal }));
}

/** Plan for a token with an end. Times are Unix milliseconds. */
export interface TokenPlan {
  /** When it ends, as far as is known. */
  endMs: number;
  /** Time that it got last. Two thirds of it pass before the next step. */
  grantedMs: number;
  /** A renewal may help; else only a new login, or a new token. */
  renewable: boolean;
  /** When it ends whatever renewals do, if that is known. */
  lastEndMs: number | undefined;
}

/** Vault counts in whole seconds. */
const ROUNDING_MS = 1_000;

/** Plan for a token that was just looked up, or given by a login. */
export function planOf(
  life: { ttlS: number; grantedS?: number; renewable: boolean; lastEndS?: number | undefined },
  nowMs: number,
): TokenPlan {
  const endMs = nowMs + life.ttlS * 1000;
  const lastEndMs = life.lastEndS === undefined ? undefined : life.lastEndS * 1000;
  return {
    endMs,
    grantedMs: (life.grantedS ?? life.ttlS) * 1000,
    renewable: life.renewable,
    lastEndMs: life.renewable ? lastEndMs : endMs,
  };
}

/** Plan after a renewal. One that gave less than it was asked for has reached a max TTL: no other will give more. */
export function afterRenewal(
  plan: TokenPlan,
  grant: { ttlS: number; renewable: boolean },
  nowMs: number,
): TokenPlan {
  const givenMs = grant.ttlS * 1000;
  const endMs = nowMs + givenMs;
  const isCapped = givenMs + ROUNDING_MS <= plan.grantedMs;
  if (isCapped || !grant.renewable) {
    return { ...plan, endMs, renewable: false, lastEndMs: Math.min(plan.lastEndMs ?? endMs, endMs) };
  }
  return { ...plan, endMs };
}

/** When the next renewal or login is due: after two thirds of the time that the token got. */
export function dueAtMs({ endMs, grantedMs }: TokenPlan): number {
  return endMs - grantedMs / 3;
}

/** When to warn of an end again: after half of the time left, at most once a minute, and at the end. */
export function nextWarningMs(lastEndMs: number, nowMs: number): number {
  return Math.min(lastEndMs, nowMs + Math.max(TOKEN_WARNING_GAP_MS, (lastEndMs - nowMs) / 2));
}
