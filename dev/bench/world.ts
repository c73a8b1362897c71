import { Client, Connection } from '@temporalio/client';
import { startServers, type VaultServer } from '../servers/start';
import { policyFor } from '../shared/policies';
import type { Run } from '../shared/run';
import { makeValue, type MountData } from '../shared/sample-secrets';
import { VaultApi } from '../shared/vault-api';
import { VaultRequests, type VaultAccess } from '../shared/vault-requests';
import { inParallel } from '../shared/wait';

const WRITES_AT_ONCE = 32;

/** All mounts of the benchmark: what its ordinary tokens may use. */
export const BENCH_MOUNTS = ['apps/', 'infra/', 'shared/', 'distant/', 'sites/', 'folders/'] as const;

/** Longer than any run, which may take hours with a million secrets. */
const TOKEN_TTL = '96h';

/** A Vault, with a root token: to fill it and to look into it. */
export interface BenchVault extends VaultAccess {
  api: VaultApi;
  pid: number;
}

/** How a run reports, and where its servers are, on which everything is measured. */
export interface World extends Run {
  /** Reports progress. */
  say: (text: string) => void;
  /** Folder for CPU profiles of the workers, if they are wanted. */
  profile: string | undefined;
  temporal: string;
  client: Client;
  consul: string;
  origin: BenchVault;
  destination: BenchVault;
  /** What is measured uses these, vsync and the floor alike: Vault checks no policy for a root token. */
  access: {
    /** Of the origin's role. */
    origin: VaultAccess;
    /** Of the destination's role, at the origin. */
    atOrigin: VaultAccess;
    destination: VaultAccess;
  };
}

/** Starts Temporal, Consul and two Vaults. */
export async function startWorld(run: Run & Pick<World, 'say' | 'profile'>): Promise<World> {
  const { dir, cleanUps } = run;
  const servers = await startServers({ dir, vaults: ['origin-vault', 'destination-vault'] });
  cleanUps.push(servers.stop);
  const { address: temporal } = servers.temporal;
  const [origin, destination] = servers.vaults.map(vaultOf) as [BenchVault, BenchVault];
  const connection = await Connection.connect({ address: temporal });
  cleanUps.push(() => connection.close());
  const client = new Client({ connection });
  const access = {
    origin: await ordinaryAccess(origin, 'origin'),
    atOrigin: await ordinaryAccess(origin, 'destination-at-origin'),
    destination: await ordinaryAccess(destination, 'destination'),
  };
  return { ...run, temporal, client, consul: servers.consul.address, origin, destination, access };
}

/** With a token that has exactly a policy of docs/policies.md. */
export async function ordinaryAccess({ address, api }: BenchVault, policy: string): Promise<VaultAccess> {
  return { address, token: await api.tokenFor(policy, policyFor(policy, BENCH_MOUNTS), TOKEN_TTL) };
}

export function vaultOf(server: VaultServer): BenchVault {
  const { address, rootToken: token, pid } = server;
  return { address, token, api: new VaultApi(server), pid };
}

/** Writes the secrets of a mount into the origin. @returns them */
export async function fillOrigin(
  { origin, signal, say }: World,
  data: MountData,
  seed: number,
): Promise<MountData> {
  const { mount, paths } = data;
  say(`writing ${paths.length} secrets to ${mount} of the origin, seed ${seed}`);
  await origin.api.mount(mount);
  const vault = new VaultRequests(origin, WRITES_AT_ONCE);
  await inParallel(paths, WRITES_AT_ONCE, (secret) => {
    signal.throwIfAborted();
    return vault.writeValue(mount, secret, makeValue(seed, mount + secret));
  });
  await vault.close();
  return data;
}

/** Gives a Vault empty mounts of these names. */
export async function freshMounts({ api }: BenchVault, mounts: readonly string[]): Promise<void> {
  for (const mount of mounts) {
    // Vault accepts this also if the mount does not exist.
    await api.unmount(mount);
    await api.mount(mount);
  }
}
