import { z } from 'zod';
import { AuthBody, type TokenGrant, type VaultClient } from './client';
import { VaultError } from './errors';
import { storedNamespace } from '../rules/namespace';

/* A client's own token: its life, and what its policies allow. Vault's `default` policy allows all of these requests. */

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

/** @throws VaultError of kind `forbidden` if the token is dead, or may not ask */
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
 * @param askedS time that the token should have from now on; Vault gives less where a max TTL applies
 * @throws VaultError of kind `forbidden` if the token is dead, or may not; `rejected` if it is not renewable
 */
export async function renewSelf(
  client: VaultClient,
  askedS: number,
  signal?: AbortSignal,
): Promise<TokenGrant> {
  const body = { increment: `${Math.ceil(askedS)}s` };
  return (await client.write('auth/token/renew-self', body, AuthBody, { signal })).grant;
}

const CapabilitiesBody = z.object({ data: z.record(z.string(), z.unknown()) });
const Capabilities = z.array(z.string());

/**
 * The capabilities at some API paths, not encoded: "secret/data/team/app". They come from the policies alone: a path does
 * not have to exist. Empty for a path that is missing in Vault's answer.
 *
 * @throws VaultError of kind `forbidden` also if the token may not ask
 */
export async function capabilitiesOf(
  client: VaultClient,
  paths: readonly string[],
  signal?: AbortSignal,
): Promise<Map<string, ReadonlySet<string>>> {
  const { data } = await client.write('sys/capabilities-self', { paths }, CapabilitiesBody, { signal });
  return new Map(
    paths.map((path) => {
      const parsed = Capabilities.safeParse(data[path]);
      return [path, new Set(parsed.success ? parsed.data : [])];
    }),
  );
}

const Rule = z.object({ capabilities: z.array(z.string()).default([]) });
const AclBody = z.object({ data: z.object({ glob_paths: z.record(z.string(), Rule).nullish() }) });

/** A policy path with `+` in it, which matches any one segment; a `*` at its end matches any rest. */
export interface WildcardRule {
  readonly pattern: string;
  readonly capabilities: ReadonlySet<string>;
}

/** The rules with `+` in all policies of the client's token. Empty for servers that do not answer, or omit such rules. */
export async function wildcardRules(client: VaultClient, signal?: AbortSignal): Promise<WildcardRule[]> {
  try {
    const { data } = await client.read('sys/internal/ui/resultant-acl', AclBody, { signal });
    return Object.entries(data.glob_paths ?? {})
      .filter(([pattern]) => pattern.split('/').some((segment) => segment === '+'))
      .map(([pattern, { capabilities }]) => ({ pattern, capabilities: new Set(capabilities) }));
  } catch (error) {
    if (error instanceof VaultError && error.status !== undefined) return [];
    throw error;
  }
}

/** Whether a pattern with `+` matches a path that begins with a folder (`secret/data/team/`). */
export function reachesInto(pattern: string, folder: string): boolean {
  const isOpen = pattern.endsWith('*');
  const rule = (isOpen ? pattern.slice(0, -1) : pattern).split('/');
  const wanted = folder.split('/').slice(0, -1);
  return wanted.every((segment, position) => {
    const part = rule[position];
    if (part === undefined) return isOpen;
    if (isOpen && position === rule.length - 1) return segment.startsWith(part);
    return part === '+' || part === segment;
  });
}
