import type { MountUuids } from '../sync-info/state';
import { VaultError, unlessRefused } from '../vault/errors';
import type { Kv2 } from '../vault/kv2';
import { ActivityError } from '../contract/failures';
import { inParallel } from '../concurrency/work-pool';
import type { VaultConfig } from '../config/schema';
import { UserError } from '../errors';

/**
 * Reads the identity of each mount, and makes sure that it is KV version 2.
 *
 * @param key configuration key of the mounts, for the message
 * @throws ActivityError `MountMissing` or `NotKv2`, which name the mount, the Vault and the configuration key
 */
export async function readMounts(
  vault: Kv2,
  mounts: readonly string[],
  key: string,
  signal: AbortSignal = new AbortController().signal,
): Promise<MountUuids> {
  // Of several that are wrong it is always the first one that is named.
  const looked = await inParallel(mounts, signal, async (name) => {
    return [
      name,
      await describeMount(vault, name, key, signal).catch((error: unknown) => ({ error })),
    ] as const;
  });
  const uuids: MountUuids = {};
  for (const [name, mount] of looked) {
    if ('error' in mount) throw mount.error;
    if (!mount.isKv2) {
      throw new ActivityError(
        'NotKv2',
        `Vault ${vault.client.address}: mount ${name} is ${mount.kind}, and vsync needs kv version 2; ` +
          (mount.kind.startsWith('kv')
            ? `change ${key}, or upgrade the mount with: vault kv enable-versioning ${name}`
            : `change ${key}`),
      );
    }
    uuids[name] = mount.uuid;
  }
  return uuids;
}

async function describeMount(
  vault: Kv2,
  name: string,
  key: string,
  signal?: AbortSignal,
): ReturnType<Kv2['mount']> {
  try {
    return await vault.mount(name, signal);
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

/** Nobody has a namespace of this name. */
const MADE_UP = 'vsync-check-no-such-namespace';

/**
 * Refuses a Vault that takes no notice of the namespace which is configured for it: what is meant for that namespace
 * would be read and written in the root. A free Vault does so, and a proxy that replaces the header. The evidence: a
 * mount that is the same engine in a namespace that does not exist.
 *
 * @throws UserError with what to do
 * @throws VaultError if the Vault does not answer
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
