import type { DestinationConfig } from '../config/schema';
import { UserError } from '../errors';
import type { Kv2 } from '../vault/kv2';
import { isOneServer } from '../vault/one-server';
import { uuidOf } from './mounts';

/** What origin and destination are to each other. */
export interface BothVaults {
  /** Identities of the two, which are the same only if they are one Vault. */
  readonly clusters: { readonly origin: string; readonly destination: string };
  /** - `clone`: two Vaults, of which one was restored from a snapshot of the other; `replicas`: of Vault Enterprise */
  readonly are: 'two' | 'one' | 'clone' | 'replicas';
  /** Mounts that are one engine at both ends: the name at the destination, and the one at the origin. */
  readonly sharedMounts: ReadonlyMap<string, string>;
}

/**
 * Finds out whether origin and destination have secrets in common. A copy of such a secret onto itself is useless, and a
 * copy that becomes a secret of the origin is copied again and again. One place is one server **and** one engine (its uuid): all
 * namespaces of a server have one cluster id, and a Vault that was restored from the origin's snapshot has the cluster id
 * and the uuids of the origin, but is another server.
 *
 * Asks for no more than the cluster ids, unless they are the same.
 *
 * @throws UserError if every secret of a mount would be its own copy, or if that is unknown
 * @throws VaultError if a Vault does not answer
 */
export async function compareVaults(
  config: DestinationConfig,
  originVault: Kv2,
  vault: Kv2,
): Promise<BothVaults> {
  const [origin, destination] = [await originVault.cluster(), await vault.cluster()];
  const clusters = { origin: origin.id, destination: destination.id };
  const replicate = origin.replicates && destination.replicates;
  const isSameId = origin.id === destination.id;
  if (!isSameId && !replicate) return { clusters, are: 'two', sharedMounts: new Map() };

  const sharedMounts = await sharedMountsOf(config, originVault, vault);
  if (!isSameId)
    return checked(config, { clusters, are: sharedMounts.size === 0 ? 'two' : 'replicas', sharedMounts });
  const isOne = await isOneServer(vault.client, originVault.client);
  if (isOne === false) {
    const itself = cloneIdentity(destination.id, vault.client.address);
    return { clusters: { ...clusters, destination: itself }, are: 'clone', sharedMounts: new Map() };
  }
  if (isOne === undefined && sharedMounts.size > 0) throw cannotTell(config, sharedMounts);
  return checked(config, { clusters, are: 'one', sharedMounts });
}

/**
 * Identity of a Vault that was restored from the origin's snapshot: the cluster id is the origin's. Only the
 * address distinguishes several of them.
 */
export function cloneIdentity(clusterId: string, address: string): string {
  return `${clusterId}@${address.replace(/\/+$/, '')}`;
}

async function sharedMountsOf(
  { origin, destination }: DestinationConfig,
  originVault: Kv2,
  vault: Kv2,
): Promise<Map<string, string>> {
  const ofOrigin = new Map<string, string>();
  for (const mount of origin.mounts) {
    const uuid = await uuidOf(originVault, mount);
    if (uuid !== undefined) ofOrigin.set(uuid, mount);
  }
  // Transforms may lead to mounts that destination.mounts does not name.
  const elsewhere = origin.mounts.flatMap((mount) => [
    mount,
    ...nameFrom(destination.vault.namespace, origin.vault.namespace, mount),
  ]);
  const shared = new Map<string, string>();
  for (const mount of new Set([...destination.mounts, ...elsewhere])) {
    const uuid = await uuidOf(vault, mount);
    const same = uuid === undefined ? undefined : ofOrigin.get(uuid);
    if (same !== undefined) shared.set(mount, same);
  }
  return shared;
}

/** How a namespace names a mount of another one; empty if it does not lie in it. */
function nameFrom(namespace: string, other: string, mount: string): string[] {
  const fromRoot = other === '' ? mount : `${other}/${mount}`;
  if (namespace === '') return [fromRoot];
  return fromRoot.startsWith(`${namespace}/`) ? [fromRoot.slice(namespace.length + 1)] : [];
}

/** @throws UserError if every secret of a mount would be its own copy */
function checked(config: DestinationConfig, both: BothVaults): BothVaults {
  const itself = [...both.sharedMounts].filter(([mount, origin]) => mount === origin).map(([mount]) => mount);
  if (config.destination.transforms.length > 0 || itself.length === 0) return both;
  const what =
    both.are === 'replicas'
      ? 'are replicas of one Vault: what is written to one of them is there in the other by itself, and'
      : 'lead to one Vault:';
  throw new UserError(
    `${addressesOf(config)} ${what} ${itself.join(', ')} is the same mount at both ends, so that each secret would be ` +
      'its own copy. Correct the address or the namespace of destination.vault; or, to copy within one Vault, give ' +
      'transforms that lead to other paths',
  );
}

function cannotTell(config: DestinationConfig, sharedMounts: ReadonlyMap<string, string>): UserError {
  return new UserError(
    `${addressesOf(config)} have the same cluster id, and ${[...sharedMounts.keys()].join(', ')} the same uuid at both ` +
      'ends: they are one Vault, or one of them was restored from a snapshot of the other. Which it is, is seen by a ' +
      'response-wrapping token, and neither token may make one, or something in between does not let it through: give ' +
      "one of the two tokens update on sys/capabilities-self, as Vault's default policy does, and let sys/wrapping pass",
  );
}

function addressesOf({ origin, destination }: DestinationConfig): string {
  return `origin.vault (${origin.vault.address}) and destination.vault (${destination.vault.address})`;
}
