import pLimit from 'p-limit';
import type { DestinationDeps } from './activities/destination/deps';
import type { OriginDeps } from './activities/origin/deps';
import { DEFAULT_CONCURRENCY } from './activities/limits';
import { OriginTargets } from './activities/destination/origin-targets';
import { fingerprint, fingerprintParts } from './config/fingerprint';
import { syncInfoPath } from './config/schema';
import type { Config, ConsulConfig, DestinationConfig, OriginConfig, VaultConfig } from './config/schema';
import { ConsulStore, MAX_VALUE_BYTES } from './consul/client';
import { Orphans } from './consul/orphans';
import { Staging } from './consul/staging';
import { SyncInfo } from './consul/sync-info';
import { compileFilter } from './sync/filter';
import { Scope } from './sync/scope';
import { compileTransforms } from './sync/transform';
import { VaultClient } from './vault/client';
import { Kv2 } from './vault/kv2';

/** Identity of the Vault clusters that a sync works on. It tells a rebuilt Vault from the one that was there before. */
export interface Clusters {
  origin: string;
  destination?: string;
}

/** Clients of one configuration, as its activities need them. */
export type Clients =
  | { role: 'origin'; deps: OriginDeps; clusters: Clusters; close: () => Promise<void> }
  | { role: 'destination'; deps: DestinationDeps; clusters: Clusters; close: () => Promise<void> };

/**
 * Builds the clients of a configuration. Asks each Vault who it is, and nothing else.
 *
 * @throws VaultError if a Vault cannot be reached
 */
export async function createClients(config: Config): Promise<Clients> {
  return config.role === 'origin' ? createOrigin(config) : createDestination(config);
}

/** The sync info of the configuration's own role, for looking at it without any Vault. */
export function infoOf(config: Config): { info: SyncInfo; close: () => void } {
  const store = consulOf(config.role === 'origin' ? config.origin.consul : config.destination.consul);
  const prefix =
    config.role === 'origin' ? syncInfoPath(config, 'origin') : syncInfoPath(config, 'destination');
  return { info: new SyncInfo(store, prefix), close: store.close.bind(store) };
}

async function createOrigin(config: OriginConfig): Promise<Clients> {
  const { origin } = config;
  const vault = vaultOf(origin.vault, origin.numWorkers);
  const store = consulOf(origin.consul);
  const close = async (): Promise<void> => {
    await vault.client.close();
    store.close();
  };
  const clusters = await orClose(close, async () => ({ origin: await vault.clusterId() }));
  const prefix = syncInfoPath(config, 'origin');
  const deps: OriginDeps = {
    config,
    fingerprint: fingerprint(config, clusters),
    vault,
    info: new SyncInfo(store, prefix),
    staging: new Staging(store, `${prefix}staging/`),
    maxBucketBytes: MAX_VALUE_BYTES,
  };
  return { role: 'origin', deps, clusters, close };
}

async function createDestination(config: DestinationConfig): Promise<Clients> {
  const { origin, destination } = config;
  const { numWorkers } = destination;
  const originVault = vaultOf(origin.vault, numWorkers);
  const vault = vaultOf(destination.vault, numWorkers);
  const originStore = consulOf(origin.consul);
  const store = consulOf(destination.consul);
  const close = async (): Promise<void> => {
    await Promise.all([originVault.client.close(), vault.client.close()]);
    originStore.close();
    store.close();
  };
  const clusters = await orClose(close, async () => ({
    origin: await originVault.clusterId(),
    destination: await vault.clusterId(),
  }));
  const originInfo = new SyncInfo(originStore, syncInfoPath(config, 'origin'));
  const prefix = syncInfoPath(config, 'destination');
  const scope = new Scope({
    originMounts: origin.mounts,
    destinationMounts: destination.mounts,
    transformer: compileTransforms(destination.transforms),
    originFilter: compileFilter(origin),
    filter: compileFilter(destination),
    sameVault:
      clusters.origin === clusters.destination && origin.vault.namespace === destination.vault.namespace,
  });
  const deps: DestinationDeps = {
    config,
    fingerprint: fingerprint(config, clusters),
    parts: fingerprintParts(config, clusters),
    originVault,
    vault,
    originInfo,
    info: new SyncInfo(store, prefix),
    scope,
    targets: new OriginTargets(originInfo, scope, destination.transforms.length > 0),
    orphans: new Orphans(store, `${prefix}orphans/`),
    secretLimit: pLimit(numWorkers ?? DEFAULT_CONCURRENCY),
  };
  return { role: 'destination', deps, clusters, close };
}

async function orClose<T>(close: () => Promise<void>, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await close();
    throw error;
  }
}

function vaultOf(vault: VaultConfig, numWorkers: number | undefined): Kv2 {
  return new Kv2(new VaultClient({ ...vault, concurrency: numWorkers ?? DEFAULT_CONCURRENCY }));
}

function consulOf(consul: ConsulConfig): ConsulStore {
  return new ConsulStore(consul);
}
