import { Client, Connection } from '@temporalio/client';
import path from 'node:path';
import {
  startConsul,
  startTemporal,
  startVaultDev,
  type ConsulServer,
  type RunningServer,
  type TemporalServer,
  type VaultServer,
} from '../servers/start';
import { VaultApi } from '../shared/vault-api';
import { inParallel } from '../shared/wait';
import { makeValue, type MountData } from './data';
import { VaultRequests, type VaultAccess } from './vault-requests';

/** Requests in flight while the data are made. */
const WRITES_AT_ONCE = 32;

/** What has to be undone at the end; the last one first. */
export type CleanUps = (() => Promise<unknown>)[];

/** A Vault of the benchmark. */
export interface BenchVault extends VaultAccess {
  api: VaultApi;
  pid: number;
}

/** The servers that everything is measured on, and who ends the run. */
export interface World {
  /** Folder for logs and configuration files. */
  dir: string;
  /** Folder for CPU profiles of the workers, if they are wanted. */
  profile: string | undefined;
  temporal: string;
  client: Client;
  consul: string;
  origin: BenchVault;
  destination: BenchVault;
  signal: AbortSignal;
  cleanUps: CleanUps;
}

export type WorldOptions = Pick<World, 'dir' | 'profile' | 'signal' | 'cleanUps'>;

/** Starts Temporal, Consul and two Vaults on free ports of the loopback, all of them in memory. */
export async function startWorld({ dir, profile, signal, cleanUps }: WorldOptions): Promise<World> {
  const started = async <T extends RunningServer>(server: Promise<T>): Promise<T> => {
    const running = await server;
    cleanUps.push(() => running.stop());
    return running;
  };
  const starting: [
    Promise<TemporalServer>,
    Promise<ConsulServer>,
    Promise<VaultServer>,
    Promise<VaultServer>,
  ] = [
    started(startTemporal({ dir: path.join(dir, 'temporal') })),
    started(startConsul({ dir: path.join(dir, 'consul') })),
    started(startVaultDev({ dir: path.join(dir, 'origin-vault') })),
    started(startVaultDev({ dir: path.join(dir, 'destination-vault') })),
  ];
  // Also where one fails: the others must be up before they can be ended.
  await Promise.allSettled(starting);
  const [temporal, consul, origin, destination] = await Promise.all(starting);
  const connection = await Connection.connect({ address: temporal.address });
  cleanUps.push(() => connection.close());
  return {
    dir,
    profile,
    temporal: temporal.address,
    client: new Client({ connection }),
    consul: consul.address,
    origin: vaultOf(origin),
    destination: vaultOf(destination),
    signal,
    cleanUps,
  };
}

function vaultOf(server: VaultServer): BenchVault {
  const { address, rootToken: token, pid } = server;
  return { address, token, api: new VaultApi(server), pid };
}

/** Writes the secrets of a mount into the origin. */
export async function fillOrigin({ origin, signal }: World, data: MountData, seed: number): Promise<void> {
  const { mount, paths } = data;
  await origin.api.mount(mount);
  const vault = new VaultRequests(origin, WRITES_AT_ONCE);
  try {
    await inParallel(paths, WRITES_AT_ONCE, (secret) => {
      signal.throwIfAborted();
      return vault.writeValue(mount, secret, makeValue(seed, mount + secret));
    });
  } finally {
    await vault.close();
  }
}

/** Gives the destination empty mounts of these names. */
export async function freshMounts({ destination }: World, mounts: readonly string[]): Promise<void> {
  for (const mount of mounts) {
    // Vault takes it well if there is none.
    await destination.api.unmount(mount);
    await destination.api.mount(mount);
  }
}
