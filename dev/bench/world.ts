import { Client, Connection } from '@temporalio/client';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { startServers, type VaultServer } from '../servers/start';
import { policyFor } from '../shared/policies';
import type { Run } from '../shared/run';
import { makeValue, type MountData } from '../shared/sample-secrets';
import { VaultApi } from '../shared/vault-api';
import { VaultRequests, type VaultAccess } from '../shared/vault-requests';
import { inParallel } from '../shared/wait';

const WRITES_AT_ONCE = 32;

/** All mounts of the benchmark: what its ordinary tokens may use. */
const MOUNTS = ['apps/', 'infra/', 'shared/', 'distant/', 'sites/', 'folders/'];

/** Longer than any run, which may take hours with a million secrets. */
const TOKEN_TTL = '96h';

/** A run, and where its servers are, on which everything is measured. */
export type World = Awaited<ReturnType<typeof startWorld>>;

/**
 * Starts Temporal, Consul and two Vaults.
 *
 * @param profile folder for CPU profiles of the workers, if they are wanted
 */
export async function startWorld(run: Run, profile: string | undefined) {
  const servers = await startServers({ dir: run.dir, vaults: ['origin-vault', 'destination-vault'] });
  run.cleanUps.push(servers.stop);
  const { address: temporal } = servers.temporal;
  const [origin, destination] = servers.vaults.map(vaultOf) as [BenchVault, BenchVault];
  const connection = await Connection.connect({ address: temporal });
  run.cleanUps.push(() => connection.close());
  /** What is measured uses these, vsync and the floor alike: Vault checks no policy for a root token. */
  const access = {
    /** Of the origin's role. */
    origin: await ordinaryAccess(origin, 'origin'),
    /** Of the destination's role, at the origin. */
    atOrigin: await ordinaryAccess(origin, 'destination-at-origin'),
    destination: await ordinaryAccess(destination, 'destination'),
  };
  const client = new Client({ connection });
  return { ...run, profile, temporal, client, consul: servers.consul.address, origin, destination, access };
}

/** A Vault, with a root token: to fill it and to look into it. */
export type BenchVault = ReturnType<typeof vaultOf>;

export function vaultOf(server: VaultServer) {
  const { address, rootToken: token, pid } = server;
  return { address, token, api: new VaultApi(server), pid };
}

/** With a token that has exactly a policy of docs/policies.md. */
export async function ordinaryAccess({ address, api }: BenchVault, policy: string): Promise<VaultAccess> {
  return { address, token: await api.tokenFor(policy, policyFor(policy, MOUNTS), TOKEN_TTL) };
}

/** The same tokens, at the addresses of proxies. */
export function accessThrough(
  { access }: World,
  { origin, destination }: Record<'origin' | 'destination', string>,
): World['access'] {
  return {
    origin: { ...access.origin, address: origin },
    atOrigin: { ...access.atOrigin, address: origin },
    destination: { ...access.destination, address: destination },
  };
}

/** Writes the secrets of a mount into the origin. @returns them */
export async function fillOrigin(
  { origin, signal }: World,
  data: MountData,
  seed: number,
): Promise<MountData> {
  const { mount, paths } = data;
  console.log(`writing ${paths.length} secrets to ${mount} of the origin, seed ${seed}`);
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

/** Writes a configuration, which holds tokens, into a folder. @returns the file; JSON is YAML, too */
export function writeConfig(folder: string, name: string, content: object): string {
  mkdirSync(folder, { recursive: true });
  const file = path.join(folder, name);
  writeFileSync(file, JSON.stringify(content, null, 2), { mode: 0o600 });
  return file;
}
