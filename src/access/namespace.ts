import type { VaultConfig } from '../config/schema';
import { UserError } from '../errors';
import { unlessRefused } from '../vault/errors';
import type { Kv2 } from '../vault/kv2';

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
