import { z } from 'zod';
import type { Health } from './circuit-breaker';
import { VaultError } from './errors';
import type { TransportResponse } from './transport';

/** A standby is up: it forwards requests. The status shows the rest. */
const HEALTH_PATH = 'sys/health?standbyok=true&perfstandbyok=true';

const HealthBody = z.object({ initialized: z.boolean(), sealed: z.boolean(), standby: z.boolean() });
const LeaderBody = z.object({ leader_address: z.string() });

/** Statuses of sys/health other than 200 and 503, from Vault's API documentation. */
const STATUS_WORDS: Readonly<Record<number, string>> = {
  472: 'the Vault is a disaster recovery secondary (472): it serves nothing until it is promoted',
  474: 'the Vault is a standby that cannot reach its active node (474)',
  501: 'the Vault is not initialised (501): run vault operator init',
  530: 'the Vault was removed from its cluster (530)',
};

/**
 * Explains an answer of sys/health that is not 200.
 *
 * @returns undefined if it is not the answer of a Vault
 */
export function explainHealth(status: number, body: unknown): string | undefined {
  if (!HealthBody.safeParse(body).success) return undefined;
  return STATUS_WORDS[status] ?? `the Vault is not healthy (${status})`;
}

/**
 * Checks whether a Vault can serve requests. Needs no token.
 *
 * @param ask sends a GET without a token and without a namespace: in Enterprise sys/health is in the root namespace only
 * @returns up also if the health is unknown, for example where a gateway refuses sys/
 * @throws VaultError of kind `cancelled`
 */
export async function askHealth(ask: (path: string) => Promise<TransportResponse>): Promise<Health> {
  try {
    const { statusCode: status, body } = await ask(HEALTH_PATH);
    const health = HealthBody.safeParse(body);
    if (!health.success) {
      if (status < 500) return { up: true };
      return down(
        `sys/health is answered with ${status}, but not by a Vault: check the proxy or gateway in between`,
      );
    }
    if (health.data.sealed && health.data.initialized)
      return { up: false, kind: 'sealed', detail: 'the Vault is sealed (503): unseal it' };
    if (status !== 200) return down(STATUS_WORDS[status] ?? `the Vault is not healthy (${status})`);
    return health.data.standby ? await askForLeader(ask) : { up: true };
  } catch (error) {
    if (!(error instanceof VaultError) || error.kind === 'cancelled') throw error;
    return down(error.detail);
  }
}

/** A standby needs an active node to forward requests to. */
async function askForLeader(ask: (path: string) => Promise<TransportResponse>): Promise<Health> {
  const { statusCode, body } = await ask('sys/leader');
  const leader = LeaderBody.safeParse(body);
  if (statusCode !== 200 || !leader.success || leader.data.leader_address !== '') return { up: true };
  return down('the Vault has no active node: it is electing one, or too few of its nodes are up');
}

function down(detail: string): Health {
  return { up: false, kind: 'unavailable', detail };
}
