import { expectOk, unsealNode } from '../../dev/servers/start/vault-raft';
import type { VaultFileServer } from '../../dev/servers/start';
import type { RootVault } from '../../dev/shared/vault-api';

/**
 * Restores a Vault from a snapshot of another one, as an operator does to build a site from the origin. It then has the
 * secrets, mounts, tokens and keys of the other Vault, and its cluster id.
 *
 * @returns address and root token of the restored Vault
 */
export async function restoreFrom(source: VaultFileServer, into: VaultFileServer): Promise<RootVault> {
  const taken = await fetch(`${source.address}/v1/sys/storage/raft/snapshot`, {
    headers: { 'X-Vault-Token': source.rootToken },
  });
  if (!taken.ok) throw new Error(`${source.address} gave no snapshot: ${taken.status}`);
  const restored = await fetch(`${into.address}/v1/sys/storage/raft/snapshot-force`, {
    method: 'POST',
    headers: { 'X-Vault-Token': into.rootToken },
    body: await taken.arrayBuffer(),
  });
  if (!restored.ok) throw new Error(`${into.address} took no snapshot: ${restored.status}`);
  // The snapshot has other unseal keys, so the Vault seals itself after its answer.
  await until(into.address, (body) => body.sealed);
  await unsealNode(into.address, source.unsealKey);
  // It accepts tokens only after it has loaded the snapshot.
  for (let attempt = 1; ; attempt++) {
    try {
      await expectOk(into.address, 'sys/capabilities-self', { paths: ['sys/mounts'] }, source.rootToken);
      return { address: into.address, rootToken: source.rootToken };
    } catch (error) {
      if (attempt === 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

async function until(address: string, is: (health: { sealed: boolean }) => boolean): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const response = await fetch(`${address}/v1/sys/seal-status`).catch(() => undefined);
    if (response?.ok === true && is((await response.json()) as { sealed: boolean })) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${address} was not sealed by the snapshot`);
}
