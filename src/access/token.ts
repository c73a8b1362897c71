import { z } from 'zod';
import { ActivityError } from '../contract/failures';
import type { VaultConfig } from '../config/schema';
import type { VaultClient } from '../vault/client';
import { VaultError } from '../vault/errors';
import type { Kv2 } from '../vault/kv2';
import { lookupSelf, type TokenLife } from '../vault/token';
import type { CheckResult } from './check-line';

/** A token of a configuration, and what it is for. */
export interface TokenToCheck {
  side: 'origin' | 'destination';
  vault: VaultConfig;
  mounts: readonly string[];
  renewToken: boolean;
  signal: AbortSignal | undefined;
}

const fail = (detail: string): CheckResult => ({ outcome: 'fail', detail });
const warning = (detail: string): CheckResult => ({ outcome: 'warning', detail });

/** How long the token lives, what ends it, and whether a worker can do something about it. */
export async function tokenFinding(kv: Kv2, target: TokenToCheck): Promise<CheckResult> {
  const { side, vault, mounts, signal } = target;
  try {
    const life = await lookupSelf(kv.client, signal);
    const uses = usesProblem(life, `${side}.vault`, vault.auth.kind);
    if (uses !== undefined) return fail(uses);
    if (vault.auth.kind === 'approle') return await loginFinding(kv.client, vault.auth, life, signal);
    const finding = endFinding(life, target);
    return life.endsWithParent ? warning(`${finding.detail}; it ${PARENT} (${side}.vault.token)`) : finding;
  } catch (error) {
    if (!(error instanceof VaultError) || error.status !== 403) throw error;
    if (!error.path.endsWith('lookup-self') || !(await mayDoAnything(kv, mounts, signal))) throw error;
    return warning(
      'is alive, but may not look itself up, so that its end is not known and it is not renewed; ' +
        "Vault's default policy allows that",
    );
  }
}

/**
 * Refuses a token that a worker would use up: it sends thousands of requests. Does nothing if the token may not ask.
 *
 * @param section of the configuration, for the message: "origin.vault"
 * @returns advice for the operator, mostly none
 * @throws ActivityError `VaultForbidden`
 */
export async function assertTokenLasts(client: VaultClient, section: string): Promise<string[]> {
  const life = await lookupSelf(client).catch((error: unknown) => {
    // What is wrong with it is reported by the requests that need it.
    if (error instanceof VaultError && error.status === 403) return undefined;
    throw error;
  });
  if (life === undefined) return [];
  const token = `Vault ${client.address}: the token of ${section}`;
  const problem = usesProblem(life, section, client.authKind);
  if (problem !== undefined) throw new ActivityError('VaultForbidden', `${token} ${problem}`);
  return client.authKind === 'approle' || !life.endsWithParent ? [] : [`${token} ${PARENT}`];
}

const PARENT =
  'ends as soon as the token that made it ends or is revoked, whatever its own time; make it with ' +
  '"vault token create -orphan …", or use an AppRole';

function usesProblem(
  { usesLeft }: TokenLife,
  section: string,
  kind: VaultConfig['auth']['kind'],
): string | undefined {
  if (usesLeft === undefined) return undefined;
  const left = `is good for ${usesLeft} more requests only (num_uses), and a worker sends thousands`;
  return kind === 'approle'
    ? `${left}: set token_num_uses=0 on the role of ${section}.approle`
    : `${left}: give ${section}.token one that was made without -use-limit`;
}

function endFinding(life: TokenLife, { side, renewToken }: TokenToCheck): CheckResult {
  const { ttlS, renewable, lastEndS, isBatch } = life;
  if (ttlS === 0) return { detail: 'is alive, and never ends' };
  const ends = new Date(Date.now() + ttlS * 1000).toISOString();
  const advice = `before then, make another one, put it into ${side}.vault.token, and restart the workers`;
  const kind = isBatch ? ', is a batch token' : '';
  if (!renewable) return warning(`is alive until ${ends}${kind} and cannot be renewed: ${advice}`);
  if (!renewToken)
    return warning(`is alive until ${ends}, and ${side}.renewToken is off: renew it, or ${advice}`);
  if (lastEndS === undefined) return { detail: `is alive until ${ends}; a worker renews it` };
  return warning(`a worker renews it, but not beyond ${new Date(lastEndS * 1000).toISOString()}: ${advice}`);
}

/** What Vault answers about a secret id; nothing (204) if it is used up. */
const SecretIdBody = z
  .object({ data: z.object({ secret_id_num_uses: z.number(), expiration_time: z.string() }) })
  .optional();

/** The login worked. Whether its secret id is good for more of them can only be asked with a right of its own. */
async function loginFinding(
  client: VaultClient,
  { path, secretId }: Extract<VaultConfig['auth'], { kind: 'approle' }>,
  { ttlS, roleName }: TokenLife,
  signal?: AbortSignal,
): Promise<CheckResult> {
  const works =
    ttlS === 0
      ? 'the login works, and its token never ends'
      : `the login works; its token lives ${ttlS} s, and a worker logs in again by itself`;
  const lookup = `auth/${path}/role/${roleName ?? 'ROLE'}/secret-id/lookup`;
  let found: z.infer<typeof SecretIdBody>;
  try {
    found = await client.write(lookup, { secret_id: secretId }, SecretIdBody, { signal });
  } catch (error) {
    if (!(error instanceof VaultError) || error.status === undefined) throw error;
    const detail = `${works}. Whether its secret id may be used again is not known: the token lacks update on ${lookup}`;
    return { detail };
  }
  const another = 'make a secret id of a role with secret_id_num_uses=0';
  if (found === undefined)
    return fail(
      `the login works, but its secret id was good for this one only, and is used up now: ${another}`,
    );
  const { secret_id_num_uses: uses, expiration_time: ends } = found.data;
  if (uses > 0) {
    const left = `the login works, but its secret id is good for ${uses} more only`;
    return fail(`${left}, and each start of a worker needs one: ${another}`);
  }
  // Go's zero time means "never".
  if (ends.startsWith('0001-')) return { detail: works };
  const until = `${works}, but its secret id ends at ${ends}`;
  return warning(`${until}: before then, give another one and restart the workers`);
}

/** Whether the token is good for any mount. That of a dead token is not. */
async function mayDoAnything(kv: Kv2, mounts: readonly string[], signal?: AbortSignal): Promise<boolean> {
  for (const mount of mounts) {
    try {
      await kv.mount(mount, signal);
      return true;
    } catch (error) {
      if (!(error instanceof VaultError) || error.kind !== 'forbidden') throw error;
    }
  }
  return false;
}
