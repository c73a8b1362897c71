import { z } from 'zod';
import type { VaultAuth } from '../vault/client';
import { normalNamespace } from '../rules/namespace';
import {
  bothOrNone,
  checkedText,
  flag,
  id,
  requestTimeout,
  secretId,
  secretToken,
  text,
  tlsKeys,
  type Checked,
} from './fields';

/*
 * The sections `vault`, `consul` and `temporal`. The functions for addresses return the normal form or a problem that does
 * not quote the address, because it may contain a password. The patterns are for editors, through the JSON Schema. They
 * accept what the functions accept, and more where a regular expression cannot check it (a port that is too high).
 */
const HTTP_URL = 'https?://[^/?#\\s@]+(/[^?#]*)?';
const VAULT_ADDRESS_PATTERN = `^${HTTP_URL}$`;
const CONSUL_ADDRESS_PATTERN = `^(${HTTP_URL}|[^/?#\\s@]+/*)$`;
const TEMPORAL_ADDRESS_PATTERN = '^[^\\s/@]+:\\d+$';

/** A Vault: an http(s) URL, returned without "/" at its end. */
export function vaultAddress(address: string): Checked<string> {
  return httpUrl(address, 'such as https://vault.example.com:8200');
}

/** A Consul agent: "host:port" as the original takes it, with port 80 if none is given, or a URL. Returned as a URL. */
export function consulAddress(address: string): Checked<string> {
  const example = 'such as consul.example.com:8500, [::1]:8500 or https://consul.example.com:8501';
  if (address.includes('://')) return httpUrl(address, example);
  if (isBareIpv6(address)) return { problem: `must have an IPv6 address in brackets, ${example}` };
  if (!/^[^/?#\s]+\/*$/.test(address)) return { problem: `must be host:port or a URL, ${example}` };
  return httpUrl(`http://${address}`, example);
}

/** More than one ":" outside of brackets: it is unclear which of them begins the port. */
function isBareIpv6(address: string): boolean {
  return /^[^[\]@/]*:[^[\]@/]*:[^@/]*$/.test(address);
}

/** A Temporal frontend: "host:port". */
export function temporalAddress(address: string): Checked<string> {
  if (/^[^\s/@]+:\d+$/.test(address)) return { value: address };
  return { problem: 'must be host:port without a scheme, such as temporal.example.com:7233' };
}

function httpUrl(address: string, example: string): Checked<string> {
  const isUrl = /^https?:\/\/[^/?#\s]/i.test(address) && URL.canParse(address);
  const problems: [boolean, string][] = [
    [/^unix:/i.test(address), `must not be a socket; give an http or https URL, ${example}`],
    [isBareIpv6(address.replace(/^https?:\/\//i, '')), `must have an IPv6 address in brackets, ${example}`],
    [!isUrl, `must be an http or https URL, ${example}`],
    [
      /^[^/]*\/\/[^/?#]*@/.test(address),
      'must not contain a user or a password; remove everything before the "@"',
    ],
    [/[?#]/.test(address), 'must not have a query or a fragment; remove it from the "?" or "#" on'],
  ];
  const [, problem] = problems.find(([applies]) => applies) ?? [];
  if (problem !== undefined) return { problem };
  const { origin, pathname } = new URL(address);
  return { value: (origin + pathname).replace(/\/+$/, '') };
}

const namespace = checkedText('a namespace as text', normalNamespace);

export const vault = z
  .strictObject({
    address: checkedText(
      'the URL of the Vault, such as https://vault.example.com:8200',
      vaultAddress,
      VAULT_ADDRESS_PATTERN,
    ).describe('URL of the Vault'),
    token: secretToken('a token as text')
      .optional()
      .describe('token to work with; if given, the AppRole is not used'),
    approle: z
      .strictObject({
        path: text('the path of the auth method as text, such as approle')
          .transform((path) => path.replace(/^\/+|\/+$/g, ''))
          .default('approle')
          .describe('path of the AppRole auth method'),
        role_id: id('a role id as text').optional().describe('role id to log in with'),
        secret_id: secretId('a secret id as text').optional().describe('secret id to log in with'),
      })
      .prefault({})
      .describe('AppRole to log in with, instead of a token'),
    namespace: namespace
      .default('')
      .describe('namespace of the secrets (OpenBao, Vault Enterprise); the root if empty'),
    authNamespace: namespace
      .optional()
      .describe(
        'namespace of the token or the AppRole, if it differs from that of the secrets; "root" for the root',
      ),
    requestTimeout: requestTimeout().describe(
      'timeout of one request; if not given, 20s, and 90s (the default of Vault) to list a folder. The steps before the work have 30s in all, whatever the value',
    ),
    ...tlsKeys,
  })
  .superRefine(
    (keys, context) => {
      const auth = authOf(keys);
      if ('message' in auth) context.addIssue({ code: 'custom', ...auth });
    },
    { when: hasReadAuth },
  )
  .superRefine(bothOrNone)
  .transform(({ token, approle, requestTimeout: requestTimeoutMs, ...connection }) => {
    const auth = authOf({ token, approle });
    if ('message' in auth) throw new Error('a Vault without a way to log in passed the check');
    return { ...connection, requestTimeoutMs, auth };
  })
  .describe('Vault of this side, and how to log in there');

/** The login is checked even if another key of the section has a problem: all problems are reported at once. */
function hasReadAuth({ value, issues }: z.core.ParsePayload): boolean {
  const unread = issues.some(({ path }) => path?.[0] === 'token' || path?.[0] === 'approle');
  return typeof value === 'object' && value !== null && !unread;
}

interface AuthKeys {
  readonly token?: string | undefined;
  readonly approle: { path: string; role_id?: string | undefined; secret_id?: string | undefined };
}

/** The login, or what is wrong with the combination of its keys. */
function authOf({ token, approle }: AuthKeys): VaultAuth | { path: string[]; message: string } {
  const { path, role_id: roleId, secret_id: secretId } = approle;
  // As in the original, a token makes the AppRole unused. The loader warns about an unused AppRole.
  if (token !== undefined) return { kind: 'token', token };
  if (roleId !== undefined && secretId !== undefined) return { kind: 'approle', path, roleId, secretId };
  if (roleId === undefined && secretId === undefined) {
    return { path: ['token'], message: 'is missing; give a token, or approle.role_id and approle.secret_id' };
  }
  const message = 'is missing; an AppRole needs role_id and secret_id';
  return { path: ['approle', roleId === undefined ? 'role_id' : 'secret_id'], message };
}

export const consul = z
  .strictObject({
    address: checkedText(
      'the address of a Consul agent, such as consul.example.com:8500',
      consulAddress,
      CONSUL_ADDRESS_PATTERN,
    ).describe('Consul agent with the sync info, as host:port or URL'),
    dc: text('the name of a datacenter')
      .optional()
      .describe(
        "datacenter of the sync info; refused if it is not the agent's own and the agent's own has sync info",
      ),
    token: secretToken('an ACL token as text')
      .default('')
      .describe('ACL token; the anonymous token if empty'),
    requestTimeout: requestTimeout().describe('timeout of one request; 10s if not given'),
    ...tlsKeys,
  })
  .superRefine(bothOrNone)
  .transform(({ requestTimeout: requestTimeoutMs, ...rest }) => ({ ...rest, requestTimeoutMs }))
  .describe('Consul that holds the sync info of this side');

/** Connection to Temporal. For keys that are not given, Temporal's own environment variables and defaults apply. */
export const temporal = z
  .strictObject({
    address: checkedText(
      'the address of Temporal, such as 127.0.0.1:7233',
      temporalAddress,
      TEMPORAL_ADDRESS_PATTERN,
    )
      .optional()
      .describe('frontend of Temporal, as host:port'),
    namespace: text('a namespace as text').optional().describe('namespace in Temporal'),
    apiKeyFile: text('the path of a file').optional().describe('file with the API key'),
    tls: z
      .union(
        [flag(), z.strictObject(tlsKeys).superRefine(bothOrNone)],
        'must be true, false or a section with caFile, certFile, keyFile or serverName',
      )
      .optional()
      .describe('connect with TLS; a section changes the defaults'),
  })
  .prefault({})
  .describe('connection to Temporal');
