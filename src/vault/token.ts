import { z } from 'zod';
import { storedNamespace } from './namespace';
import { AuthBody, grantOf, type TokenGrant, type VaultClient } from './client';

/** What Vault says about a token. Times are seconds. */
export interface TokenLife {
  /** What is left; 0 if the token never ends (a root token). */
  ttlS: number;
  /** What it had when it was made or renewed last; what is left, if Vault does not say. */
  grantedS: number;
  renewable: boolean;
  /** Unix time after which no renewal extends it, if one was set explicitly. */
  lastEndS: number | undefined;
  /** Requests that it is still good for; undefined if their number is not limited. */
  usesLeft: number | undefined;
  /** It ends with the token that made it. Made with `-orphan`, or by a login, it would not. */
  endsWithParent: boolean;
  /** A batch token can be neither renewed nor revoked. */
  isBatch: boolean;
  /** Name of the AppRole whose login made it. */
  roleName: string | undefined;
  /** Namespace that the token is of; empty for the root, and for servers without namespaces. */
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
 * Asks about the client's own token. Vault's `default` policy allows it.
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
    // This question was one of the uses; after the last one Vault says -1.
    usesLeft: (data.num_uses ?? 0) === 0 ? undefined : Math.max(0, data.num_uses ?? 0),
    endsWithParent: data.orphan === false,
    isBatch: data.type === 'batch',
    roleName: data.meta?.role_name ?? undefined,
    namespace: storedNamespace(data.namespace_path ?? ''),
  };
}

/**
 * Renews the client's own token, and says what it has now. Vault's `default` policy allows it.
 *
 * @param askedS what the token should have from now on; Vault gives less where a max TTL is in the way
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
