import { BaoFront, healthOfBao } from './bao-front';
import { namespaces } from './bao-namespaces';
import { findBao, startVaultDev } from '../../dev/servers/start';
import type { RootVault } from '../../dev/shared/vault-api';
import { VaultApi } from '../../dev/shared/vault-api';

/** A server with the namespaces `A` and `B`: OpenBao, or a Vault behind the stand-in. */
export interface NamespacedVault extends RootVault {
  isReal: boolean;
  /** API of one of its namespaces; "" is the root namespace. */
  in: (namespace: string) => VaultApi;
  stop: () => Promise<void>;
}

export const NAMESPACES = ['A', 'B'] as const;

/** The stand-in, and the real server where it is installed. */
export const NAMESPACED: readonly (readonly [name: string, start: () => Promise<NamespacedVault>])[] = [
  ['the stand-in', startStandIn],
  ...(findBao() === undefined ? [] : ([['OpenBao', startBao]] as const)),
];

async function startStandIn(): Promise<NamespacedVault> {
  const vault = await startVaultDev({ kind: 'vault' });
  const front = await BaoFront.before(vault.address, healthOfBao(), namespaces(...NAMESPACES));
  const stop = async (): Promise<void> => {
    await front.close();
    await vault.stop();
  };
  return withUsers({ address: front.address, rootToken: vault.rootToken }, false, stop);
}

async function startBao(): Promise<NamespacedVault> {
  const vault = await startVaultDev({ kind: 'bao' });
  const api = new VaultApi(vault);
  for (const name of NAMESPACES) await api.request('POST', `sys/namespaces/${name}`, {});
  return withUsers(vault, true, () => vault.stop());
}

function withUsers(
  { address, rootToken }: RootVault,
  isReal: boolean,
  stop: () => Promise<void>,
): NamespacedVault {
  const users = (namespace: string): VaultApi => new VaultApi({ address, rootToken }, namespace);
  return { address, rootToken, isReal, in: users, stop };
}
