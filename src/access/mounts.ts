import type { MountUuids } from '../sync-info/state';
import { VaultError, unlessRefused } from '../vault/errors';
import type { Kv2 } from '../vault/kv2';
import { isOneServer } from '../vault/one-server';
import { ActivityError } from '../contract/failures';
import { inParallel } from '../concurrency/work-pool';
import type { DestinationConfig, VaultConfig } from '../config/schema';
import { UserError } from '../errors';

/**
 * Reads the identity of each mount, and makes sure that it is KV version 2.
 *
 * @param key configuration key of the mounts, for the message
 * @param onRequest receives the id of each request that was answered
 * @throws ActivityError `MountMissing` or `NotKv2`, which name the mount, the Vault and the configuration key
 */
export async function readMounts(
  vault: Kv2,
  mounts: readonly string[],
  key: string,
  signal: AbortSignal = new AbortController().signal,
  onRequest?: (id: string) => void,
): Promise<MountUuids> {
  const read = async (name: string) =>
    [
      name,
      await readMount(vault, name, key, signal, onRequest).catch((error: unknown) => ({ error })),
    ] as const;
  const uuids: MountUuids = {};
  // Of several that are wrong the message always names the first.
  for (const [name, uuid] of await inParallel(mounts, signal, read)) {
    if (typeof uuid !== 'string') throw uuid.error;
    uuids[name] = uuid;
  }
  return uuids;
}

async function readMount(
  vault: Kv2,
  name: string,
  key: string,
  signal: AbortSignal,
  onRequest?: (id: string) => void,
): Promise<string> {
  try {
    const { uuid, kind, isKv2, requestId } = await vault.mount(name, signal);
    if (requestId !== undefined) onRequest?.(requestId);
    if (isKv2) return uuid;
    const upgrade = `, or upgrade the mount with: vault kv enable-versioning ${name}`;
    throw new ActivityError(
      'NotKv2',
      `Vault ${vault.client.address}: mount ${name} is ${kind}, and vsync needs kv version 2; ` +
        `change ${key}${kind.startsWith('kv') ? upgrade : ''}`,
    );
  } catch (error) {
    if (!(error instanceof VaultError) || error.kind !== 'forbidden') throw error;
    // Vault answers 403 for a mount that does not exist, even to root: a live token means it is not the token.
    await vault.checkToken(signal);
    throw new ActivityError(
      'MountMissing',
      `Vault ${vault.client.address}: mount ${name} does not exist, or the token has no permission below it; ` +
        `check ${key} and the token's policies`,
    );
  }
}

/** Mounts that are not the engines any more that they were. */
export function changedMounts(remembered: MountUuids | undefined, current: MountUuids): string[] {
  return Object.keys(current).filter((name) => (remembered?.[name] ?? current[name]) !== current[name]);
}

/** A namespace that does not exist. */
const MADE_UP = 'vsync-check-no-such-namespace';

/**
 * Refuses a Vault that ignores the configured namespace, as a free Vault does, or a proxy that replaces the header: what
 * is meant for that namespace would be read and written in the root. The evidence: a mount that is the same engine in a
 * namespace that does not exist. @throws UserError
 */
export async function assertNamespace(
  vault: Kv2,
  { vault: { namespace }, mounts }: { vault: VaultConfig; mounts: readonly string[] },
  side: 'origin' | 'destination',
): Promise<void> {
  if (namespace === '') return;
  for (const mount of mounts) {
    const uuid = await uuidOf(vault, mount);
    // What is wrong with a mount is reported elsewhere.
    if (uuid === undefined) continue;
    if ((await uuidOf(vault, mount, MADE_UP)) !== uuid) return;
    throw new UserError(
      `Vault ${vault.client.address}: takes no notice of the namespace ${namespace} (${side}.vault.namespace), so that ` +
        'its secrets would be read and written elsewhere, in the root as a rule: it is a free Vault, or a proxy in ' +
        `between replaces the header. Give the address of a server with namespaces; or remove ${side}.vault.namespace, ` +
        'if the place without it is meant',
    );
  }
}

/** @returns undefined if the engine is not shown */
export function uuidOf(vault: Kv2, mount: string, namespace?: string): Promise<string | undefined> {
  return unlessRefused(async () => (await vault.mount(mount, undefined, namespace)).uuid);
}

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
 * copy that becomes a secret of the origin is copied again and again. One place is one server **and** one engine (its
 * uuid): all namespaces of a server have one cluster id, and a clone has the cluster id and the uuids of the origin.
 * Reads only the cluster ids, unless they are the same.
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
  if (!isSameId && sharedMounts.size === 0) return { clusters, are: 'two', sharedMounts };
  if (!isSameId) return checked(config, { clusters, are: 'replicas', sharedMounts });
  const isOne = await isOneServer(vault.client, originVault.client);
  if (isOne === false) {
    const itself = cloneIdentity(destination.id, vault.client.address);
    return { clusters: { ...clusters, destination: itself }, are: 'clone', sharedMounts: new Map() };
  }
  if (isOne === undefined && sharedMounts.size > 0) throw unknownWhich(config, sharedMounts);
  return checked(config, { clusters, are: 'one', sharedMounts });
}

/** Identity of a clone. Its cluster id is the origin's; only the address distinguishes several of them. */
export function cloneIdentity(clusterId: string, address: string): string {
  return `${clusterId}@${address.replace(/\/+$/, '')}`;
}

async function sharedMountsOf(
  { origin, destination }: DestinationConfig,
  originVault: Kv2,
  vault: Kv2,
): Promise<Map<string, string>> {
  const ofOrigin = new Map<string | undefined, string>();
  for (const mount of origin.mounts) ofOrigin.set(await uuidOf(originVault, mount), mount);
  ofOrigin.delete(undefined);
  // Transforms may lead to mounts that destination.mounts does not name.
  const elsewhere = origin.mounts.flatMap((mount) => [
    mount,
    ...nameFrom(destination.vault.namespace, origin.vault.namespace, mount),
  ]);
  const shared = new Map<string, string>();
  for (const mount of new Set([...destination.mounts, ...elsewhere])) {
    const same = ofOrigin.get(await uuidOf(vault, mount));
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

function unknownWhich(config: DestinationConfig, sharedMounts: ReadonlyMap<string, string>): UserError {
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
