import type { Client, ScheduleDescription } from '@temporalio/client';
import { z } from 'zod';
import { assertSyncName } from '../access/sync-path';
import { cloneIdentity } from '../access/mounts';
import { openVault, type Clients } from '../activities/clients';
import type { Config } from '../config/schema';
import { readStateOf } from '../sync-info/state';
import type { Role } from '../contract/ids';
import { UserError } from '../errors';
import { VaultError } from '../vault/errors';
import { findSchedule } from './schedule';

/*
 * Which sync does a schedule belong to? Two configurations may share a name by mistake, for example because one file is a
 * copy of the other. Everything in Temporal is found by the name, so each command and each worker first compares the
 * schedule's memo with its own configuration.
 */

/** The sync of a schedule, in the memo of its action: enough to notice that a configuration is that of another sync. */
const IdentitySchema = z.object({
  v: z.literal(1),
  role: z.string(),
  clusters: z.record(z.string(), z.string()),
  syncPaths: z.record(z.string(), z.string()),
  /**
   * Addresses of the Vaults. If the configuration has the same, no Vault is asked for its identity: `pause` and `stop`
   * work while Vaults are down.
   */
  addresses: z.record(z.string(), z.string()),
});
export type Identity = z.infer<typeof IdentitySchema>;

export function identity({ clusters: { origin, destination }, deps: { config } }: Clients): Identity {
  return identityOf(config, { origin, ...(destination !== undefined && { destination }) });
}

function identityOf(config: Config, clusters: Record<string, string>): Identity {
  return {
    v: 1,
    role: config.role,
    clusters,
    syncPaths: bySide(config, ({ syncPath }) => syncPath),
    addresses: addressesOf(config),
  };
}

const addressesOf = (config: Config): Record<string, string> => bySide(config, ({ vault }) => vault.address);

function bySide(config: Config, valueOf: (side: Config['origin']) => string): Record<string, string> {
  const origin = { origin: valueOf(config.origin) };
  return config.role === 'origin' ? origin : { ...origin, destination: valueOf(config.destination) };
}

/** @throws UserError if a schedule belongs to another sync */
export function assertSameSync(found: ScheduleDescription, wanted: Identity): void {
  const memo = memoOf(found);
  if (memo === undefined) return;
  const differing = (what: 'clusters' | 'syncPaths'): [role: string, was: string, is: string][] =>
    Object.entries(wanted[what])
      .map(([role, is]): [string, string, string] => [role, memo[what][role] ?? is, is])
      .filter(([, was, is]) => was !== is);
  const at = (address: string | undefined): string => (address === undefined ? '' : ` at ${address}`);
  const differences = [
    ...differing('clusters').map(
      ([role, was, is]) =>
        `${role}.vault (cluster id) was ${was}${at(memo.addresses[role])} and is ${is}${at(wanted.addresses[role])}`,
    ),
    ...differing('syncPaths').map(([role, was, is]) => `${role}.syncPath was ${was} and is ${is}`),
  ];
  if (differences.length === 0) return;
  throw new UserError(
    `schedule ${found.scheduleId} belongs to another sync: ${differences.join('; ')}. If two configurations share ` +
      'a name, give this one another "name". If the Vault was rebuilt or restored on purpose, confirm it with: vsync start --adopt -c FILE',
  );
}

function memoOf({ action }: ScheduleDescription): Identity | undefined {
  return IdentitySchema.safeParse(action.memo?.['vsync']).data;
}

/**
 * The same for a command that works without Vaults: it asks a Vault for its identity only if the configuration has
 * another address than the schedule's memo, and sends it no token.
 *
 * @param askAll ask each Vault; throws a VaultError if one does not answer
 * @throws UserError also if a Vault does not answer
 */
export async function assertOwnSchedule(
  found: ScheduleDescription,
  config: Config,
  { askAll = false } = {},
): Promise<void> {
  const memo = memoOf(found);
  if (memo === undefined) return;
  const own = addressesOf(config);
  const clusters: Record<string, string> = {};
  for (const side of Object.keys(own) as Role[]) {
    const known = memo.clusters[side];
    const isKnown = memo.addresses[side] === own[side];
    if (!askAll && isKnown && known !== undefined) {
      clusters[side] = known;
      continue;
    }
    const asked = await clusterOf(config, side).catch((error: unknown) => {
      if (askAll || !(error instanceof VaultError)) throw error;
      throw new UserError(
        `schedule ${found.scheduleId} was made for ${side}.vault at ${memo.addresses[side] ?? ''}. ` +
          `Whether this configuration names the same Vault cannot be asked (${error.message}). Nothing was done. If two ` +
          'configurations share a name, give this one another "name". If the address was changed on purpose, run ' +
          '"vsync start -c FILE" once that Vault answers; the temporal command does not compare (docs/operating.md)',
      );
    });
    // A Vault does not report that it was restored from the origin's snapshot.
    const isClone = known === cloneIdentity(asked, own[side] ?? '');
    clusters[side] = isClone ? known : asked;
  }
  assertSameSync(found, identityOf(config, clusters));
}

async function clusterOf(config: Config, side: Role): Promise<string> {
  const { vault } =
    side === 'destination' && config.role === 'destination' ? config.destination : config.origin;
  // No token and no login: the Vault may belong to another sync.
  const kv = openVault({ ...vault, auth: { kind: 'token', token: 'none' } }, 1);
  try {
    return await kv.clusterId();
  } finally {
    await kv.client.close();
  }
}

/** {@link assertOwnSchedule}, if there is a schedule. */
export async function assertOwnName(client: Client, config: Config): Promise<void> {
  const found = await findSchedule(client, config.role, config.name);
  if (found !== undefined) await assertOwnSchedule(found, config);
}

/** Whether the sync info belongs to a sync with this name. @throws ActivityError `Conflict` */
export async function assertOwnState({ role, deps: { info, config } }: Clients): Promise<void> {
  const { state } = await readStateOf(role, info);
  assertSyncName(info, state, config.name);
}

/**
 * Whether the sync info and the schedule, if they exist, belong to this configuration. For workers, which have asked the
 * Vaults for their identity. @throws ActivityError `Conflict`, or UserError
 */
export async function assertOwnSync(client: Client, clients: Clients): Promise<void> {
  await assertOwnState(clients);
  const found = await findSchedule(client, clients.role, clients.deps.config.name);
  if (found !== undefined) assertSameSync(found, identity(clients));
}
