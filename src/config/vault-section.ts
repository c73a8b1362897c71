import { z } from 'zod';
import type { VaultAuth } from '../vault/client';
import { VAULT_ADDRESS_PATTERN, vaultAddress } from './addresses';
import { requestTimeout, checkedText, id, secretId, secretToken, text } from './fields';
import { normalNamespace } from '../vault/namespace';
import { bothOrNone, tlsKeys } from './tls-keys';

const namespace = checkedText('a namespace as text', normalNamespace);

/** Connection to one Vault, and how to log in there: with a token or an AppRole. */
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
      const problem = authProblem(keys);
      if (problem) context.addIssue({ code: 'custom', ...problem });
    },
    { when: hasReadAuth },
  )
  .superRefine(bothOrNone)
  .transform(({ token, approle, requestTimeout: requestTimeoutMs, ...connection }) => ({
    ...connection,
    requestTimeoutMs,
    auth: authOf({ token, approle }),
  }))
  .describe('Vault of this side, and how to log in there');

/** The check of the login must not wait until everything else about the Vault is right. */
function hasReadAuth({ value, issues }: z.core.ParsePayload): boolean {
  const unread = issues.some(({ path }) => path?.[0] === 'token' || path?.[0] === 'approle');
  return typeof value === 'object' && value !== null && !unread;
}

interface AuthKeys {
  readonly token?: string | undefined;
  readonly approle: {
    readonly path: string;
    readonly role_id?: string | undefined;
    readonly secret_id?: string | undefined;
  };
}

/** What is wrong with the keys of the login taken together, or undefined. */
function authProblem({ token, approle }: AuthKeys): { path: string[]; message: string } | undefined {
  const hasRole = approle.role_id !== undefined;
  const hasSecret = approle.secret_id !== undefined;
  // As in the original: with a token nobody looks at the AppRole. The loader warns of one that stands there.
  if (token !== undefined || (hasRole && hasSecret)) return undefined;
  if (!hasRole && !hasSecret) {
    return { path: ['token'], message: 'is missing; give a token, or approle.role_id and approle.secret_id' };
  }
  const message = 'is missing; an AppRole needs role_id and secret_id';
  return { path: ['approle', hasRole ? 'secret_id' : 'role_id'], message };
}

/** To be called only when {@link authProblem} finds nothing. */
function authOf({ token, approle: { path, role_id: roleId, secret_id: secretId } }: AuthKeys): VaultAuth {
  if (token !== undefined) return { kind: 'token', token };
  if (roleId !== undefined && secretId !== undefined) return { kind: 'approle', path, roleId, secretId };
  throw new Error('a Vault without a way to log in passed the check');
}
