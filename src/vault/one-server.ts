import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { VaultClient } from './client';
import { unlessRefused, VaultError } from './errors';
import { SAME_SERVER_DELAYS_MS, WRAP_TTL_S } from '../limits';

/*
 * Whether two clients reach one server. The cluster id does not show it: a Vault that was restored from a snapshot of
 * another one has the same id, and its mounts have the same uuids. A snapshot cannot hold what is made after it. So one
 * client makes a response-wrapping token, and the other looks it up. All nodes of a cluster, and gateways in front of
 * it, know the token.
 */

/**
 * The request whose answer is wrapped; the answer is not used, and holds no secret. Not `sys/wrapping/wrap`: a standby of
 * OpenBao 2.6.2 answers it with 500, and forwards any other request that is to be wrapped to the active node.
 */
const WRAPPED_PATH = 'sys/capabilities-self';
const WRAPPED_BODY = { paths: ['cubbyhole/vsync'] };

const WrapBody = z.object({ wrap_info: z.object({ token: z.string().min(1) }) });
const LookupBody = z.object({ data: z.object({ creation_path: z.literal(WRAPPED_PATH) }) });
const UnwrapBody = z.object({ data: z.unknown() });

/** Undefined if neither token, or no proxy in between, allows the requests. Throws VaultError if one does not answer. */
export async function isOneServer(one: VaultClient, other: VaultClient): Promise<boolean | undefined> {
  return (await isKnownTo(one, other)) ?? (await isKnownTo(other, one));
}

async function isKnownTo(maker: VaultClient, asked: VaultClient): Promise<boolean | undefined> {
  const token = await unlessRefused(async () => {
    const headers = { 'X-Vault-Wrap-TTL': `${WRAP_TTL_S}s` };
    return (await maker.write(WRAPPED_PATH, WRAPPED_BODY, WrapBody, { headers })).wrap_info.token;
  });
  if (token === undefined) return undefined;
  try {
    for (const afterMs of SAME_SERVER_DELAYS_MS) {
      await sleep(afterMs);
      const known = await knows(asked, token);
      if (known !== false) return known;
    }
    // A token that its maker does not know either proves nothing.
    return (await knows(maker, token)) === true ? false : undefined;
  } finally {
    // The token unwraps itself, which no policy can forbid. That uses it up. Else it ends by itself (WRAP_TTL_S).
    const headers = { 'X-Vault-Token': token };
    await maker.write('sys/wrapping/unwrap', {}, UnwrapBody, { headers }).catch(() => undefined);
  }
}

/** The token to look up is in the body; the client's own token does not matter. */
async function knows(client: VaultClient, token: string): Promise<boolean | undefined> {
  try {
    await client.write('sys/wrapping/lookup', { token }, LookupBody);
    return true;
  } catch (error) {
    if (error instanceof VaultError && error.status === 400 && UNKNOWN_TOKEN.test(error.detail)) return false;
    return unlessRefused(() => Promise.reject(error as Error));
  }
}

/** The error text of Vault and OpenBao for it. */
const UNKNOWN_TOKEN = /wrapping token is not valid or does not exist/;
