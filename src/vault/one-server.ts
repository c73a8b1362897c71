import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { VaultClient } from './client';
import { unlessRefused, VaultError } from './errors';
import { SAME_SERVER_DELAYS_MS, WRAP_TTL_S } from '../limits';

/*
 * Whether two clients reach one server. A cluster id does not tell: a Vault that was restored from a snapshot of another
 * one has the same, and so have its mounts their uuids. What a snapshot cannot hold is what is made after it: a
 * response-wrapping token, made through one client and looked up through the other. Nodes of a cluster, and gateways
 * before it, all lead to the place where it is known.
 */

/** What is wrapped: nobody needs it. */
const PAYLOAD = { vsync: 'written by the check of vsync, and removed at once' };

const WrapBody = z.object({ wrap_info: z.object({ token: z.string().min(1) }) });
const LookupBody = z.object({ data: z.object({ creation_path: z.literal('sys/wrapping/wrap') }) });
const UnwrapBody = z.object({ data: z.unknown() });

/**
 * Tells whether two clients reach one server, or one cluster. Leaves nothing behind.
 *
 * @returns undefined if it cannot be told: neither token may wrap (Vault's `default` policy allows it), or what stands
 *   in between keeps the questions away
 * @throws VaultError if one of them does not answer
 */
export async function isOneServer(one: VaultClient, other: VaultClient): Promise<boolean | undefined> {
  return (await isKnownTo(one, other)) ?? (await isKnownTo(other, one));
}

async function isKnownTo(maker: VaultClient, asked: VaultClient): Promise<boolean | undefined> {
  const token = await unlessRefused(async () => {
    const headers = { 'X-Vault-Wrap-TTL': `${WRAP_TTL_S}s` };
    return (await maker.write('sys/wrapping/wrap', PAYLOAD, WrapBody, { headers })).wrap_info.token;
  });
  if (token === undefined) return undefined;
  try {
    for (const afterMs of SAME_SERVER_DELAYS_MS) {
      await sleep(afterMs);
      const known = await knows(asked, token);
      if (known !== false) return known;
    }
    // Else it says nothing that the other one does not know it either.
    return (await knows(maker, token)) === true ? false : undefined;
  } finally {
    await remove(maker, token);
  }
}

/** Needs no token of its own: the question is about the one in its body. */
async function knows(client: VaultClient, token: string): Promise<boolean | undefined> {
  try {
    await client.write('sys/wrapping/lookup', { token }, LookupBody);
    return true;
  } catch (error) {
    if (error instanceof VaultError && error.status === 400 && UNKNOWN_TOKEN.test(error.detail)) return false;
    return unlessRefused(() => Promise.reject(error as Error));
  }
}

/** How Vault and OpenBao say so. */
const UNKNOWN_TOKEN = /wrapping token is not valid or does not exist/;

/** With the token itself, which may be unwrapped whatever the policies say. It is used up by that. */
async function remove(maker: VaultClient, token: string): Promise<void> {
  try {
    await maker.write('sys/wrapping/unwrap', {}, UnwrapBody, { headers: { 'X-Vault-Token': token } });
  } catch {
    // It ends within a minute.
  }
}
