import type { MountUuids } from '../sync-info/state';
import { VaultError } from '../vault/errors';
import type { Kv2 } from '../vault/kv2';
import { ActivityError } from '../contract/failures';
import { inParallel } from '../concurrency/in-parallel';

/**
 * Reads the identity of each mount, and makes sure that it is KV version 2.
 *
 * @param key where the mounts stand in the configuration, for the message
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
