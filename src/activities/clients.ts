import { assertNamespace, compareVaults, readMounts } from '../access/mounts';
import { assertCapabilities, missingText } from '../access/capabilities';
import { folderMetadata, WITHOUT_FOLDER_METADATA } from '../access/folder-metadata';
import { destinationNeeds, originNeeds, type Need } from '../access/needs';
import { assertKeyAccess } from '../access/sync-path';
import { assertTokenLasts } from '../access/token';
import { WorkPool } from '../concurrency/work-pool';
import { fingerprint, fingerprintParts } from '../config/fingerprint';
import {
  syncInfoPath,
  type Config,
  type DestinationConfig,
  type OriginConfig,
  type VaultConfig,
} from '../config/schema';
import { openStore } from '../consul/datacenter';
import { DEFAULT_SECRETS_AT_ONCE, MIN_ITEMS_BEGUN } from '../limits';
import { Orphans } from '../sync-info/orphans';
import { Staging } from '../sync-info/staging';
import { SyncInfo } from '../sync-info/sync-info';
import type { Role } from '../contract/ids';
import { compileFilter } from '../rules/filter';
import { Scope } from '../rules/scope';
import { compileTransforms } from '../rules/transform';
import type { Logger } from '../log';
import { VaultClient, type VaultTimes } from '../vault/client';
import { Kv2 } from '../vault/kv2';
import { limitRequests } from '../vault/request-rate';
import { TokenKeeper } from '../vault/token-keeper';
import { copyPool, type DestinationDeps } from './destination/base/deps';
import { OriginTargets } from './destination/base/origin-targets';
import type { OriginDeps } from './origin/deps';

/**
 * Identity of the Vault clusters that a sync works on. It distinguishes a rebuilt Vault from the one before. A
 * destination that was restored from the origin's snapshot has another one than the origin.
 */
export interface Clusters {
  origin: string;
  destination?: string;
}

/** Clients of one configuration, as its activities need them. */
export type Clients =
  | { role: 'origin'; deps: OriginDeps; clusters: Clusters; close: () => Promise<void> }
  | { role: 'destination'; deps: DestinationDeps; clusters: Clusters; close: () => Promise<void> };

/**
 * Builds the clients of a configuration. Asks each Vault who it is, of two with one cluster id whether they are one, each
 * Consul about its datacenter if one is configured, and nothing else.
 *
 * @throws VaultError, ConsulError, or UserError if a Vault ignores its namespace or both ends are one place
 */
export async function createClients(config: Config, times: VaultTimes = {}): Promise<Clients> {
  return config.role === 'origin' ? createOrigin(config, times) : createDestination(config, times);
}

/** With its own connection to Consul. */
export interface OpenInfo {
  info: SyncInfo;
  close: () => void;
}

/** The sync info of one side, without any Vault. Throws UserError or ConsulError about a configured datacenter. */
export async function infoOf(config: Config, side: Role = config.role): Promise<OpenInfo> {
  const isOwn = config.role === 'destination' && side === 'destination';
  const { consul } = isOwn ? config.destination : config.origin;
  const prefix = syncInfoPath(config, side);
  const store = await openStore(consul, { section: `${side}.consul`, indexKey: `${prefix}index` });
  return { info: new SyncInfo(store, prefix), close: store.close.bind(store) };
}

/** One Vault of a configuration. Sends nothing yet. @param side is named by its errors */
export function openVault(
  vault: VaultConfig,
  numWorkers: number | undefined,
  times: VaultTimes = {},
  side?: Role,
): Kv2 {
  return new Kv2(new VaultClient({ ...vault, ...times, concurrency: numWorkers, side }));
}

/** One of the Vaults of a configuration, and what its side needs there. */
interface Side {
  readonly name: Role;
  readonly vault: Kv2;
  readonly config: Pick<OriginConfig['origin'], 'mounts' | 'renewToken'>;
  readonly needs: readonly Need[];
}

function sidesOf(clients: Clients): Side[] {
  if (clients.role === 'origin') {
    const { vault, config } = clients.deps;
    return [{ name: 'origin', vault, config: config.origin, needs: originNeeds(config) }];
  }
  const { originVault, vault, config } = clients.deps;
  const needs = destinationNeeds(config);
  return [
    { name: 'origin', vault: originVault, config: config.origin, needs: needs.origin },
    { name: 'destination', vault, config: config.destination, needs: needs.destination },
  ];
}

/** Keeps the tokens of the clients alive until it is closed, except where `renewToken` is off. */
export function keepTokens(clients: Clients, log: Logger): { close: () => Promise<void> } {
  const keepers = sidesOf(clients)
    .filter(({ config }) => config.renewToken)
    .map(({ name, vault }) => new TokenKeeper(vault.client, { section: `${name}.vault`, log }));
  return {
    close: async () => {
      await Promise.all(keepers.map((keeper) => keeper.close()));
    },
  };
}

async function createOrigin(config: OriginConfig, times: VaultTimes): Promise<Clients> {
  const { origin } = config;
  const vault = openVault(origin.vault, origin.numWorkers, times, 'origin');
  const closers: Closer[] = [() => vault.client.close(), ...limitVaults(config)];
  return orClose(closers, async () => {
    await assertNamespace(vault, origin, 'origin');
    const clusters = { origin: await vault.clusterId() };
    const { info, close } = await infoOf(config);
    closers.push(close);
    const deps: OriginDeps = {
      config,
      fingerprint: fingerprint(config, clusters),
      vault,
      info,
      staging: new Staging(info.store, `${info.prefix}staging/`),
      room: new WorkPool(() => Math.max(MIN_ITEMS_BEGUN, 2 * vault.client.requestsAtOnce)),
    };
    return { role: 'origin', deps, clusters, close: () => closeAll(closers) };
  });
}

async function createDestination(config: DestinationConfig, times: VaultTimes): Promise<Clients> {
  const { origin, destination } = config;
  const { numWorkers } = destination;
  // No more than the limit lets through in a second: what was seen of a secret would grow old in the queue.
  const secretsInFlight = Math.min(
    numWorkers ?? DEFAULT_SECRETS_AT_ONCE,
    config.requestsPerSecond ?? Infinity,
  );
  const originVault = openVault(origin.vault, numWorkers, times, 'origin');
  const vault = openVault(destination.vault, numWorkers, times, 'destination');
  const closers: Closer[] = [
    () => originVault.client.close(),
    () => vault.client.close(),
    ...limitVaults(config),
  ];
  return orClose(closers, async () => {
    await assertNamespace(originVault, origin, 'origin');
    await assertNamespace(vault, destination, 'destination');
    const { clusters, are: vaultsAre, sharedMounts } = await compareVaults(config, originVault, vault);
    const { info: originInfo, close: closeOrigin } = await infoOf(config, 'origin');
    closers.push(closeOrigin);
    const { info, close } = await infoOf(config);
    closers.push(close);
    const scope = scopeOf(config, sharedMounts);
    const deps: DestinationDeps = {
      config,
      fingerprint: fingerprint(config, clusters),
      parts: fingerprintParts(config, clusters),
      vaultsAre,
      originVault,
      vault,
      originInfo,
      info,
      scope,
      targets: new OriginTargets(originInfo, scope, destination.transforms.length > 0 || scope.sharesMounts),
      orphans: new Orphans(info.store, `${info.prefix}orphans/`),
      staging: new Staging(info.store, `${info.prefix}staging/`),
      copyPool: copyPool(secretsInFlight, [originVault, vault]),
      verifyPool: copyPool(secretsInFlight, [originVault, vault], 1 / 2),
    };
    return { role: 'destination', deps, clusters, close: () => closeAll(closers) };
  });
}

/**
 * Which secrets of the origin go to a destination, and where.
 *
 * @param sharedMounts of {@link compareVaults}; empty for two Vaults
 */
export function scopeOf(
  { origin, destination }: DestinationConfig,
  sharedMounts: ReadonlyMap<string, string>,
): Scope {
  return new Scope({
    originMounts: origin.mounts,
    destinationMounts: destination.mounts,
    transformer: compileTransforms(destination.transforms),
    originFilter: compileFilter(origin),
    filter: compileFilter(destination),
    sharedMounts,
  });
}

/** Limits the requests to each Vault of a configuration, if it says so. @returns what lifts the limits again */
export function limitVaults(config: Config): (() => void)[] {
  const { requestsPerSecond } = config;
  if (requestsPerSecond === undefined) return [];
  const sides = config.role === 'origin' ? [config.origin] : [config.origin, config.destination];
  const addresses = new Set(sides.map(({ vault }) => vault.address));
  return [...addresses].map((address) => limitRequests(address, requestsPerSecond));
}

type Closer = () => void | Promise<void>;

async function closeAll(closers: readonly Closer[]): Promise<void> {
  await Promise.all(closers.map(async (close) => close()));
}

async function orClose<T>(closers: readonly Closer[], work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await closeAll(closers);
    throw error;
  }
}

/**
 * Checks whether a cycle could do its work, more thoroughly than its own preflight. Writes one key below the own sync
 * path, and removes it again.
 *
 * @returns advice for the log, although nothing is wrong
 */
export async function checkAccess(clients: Clients): Promise<string[]> {
  const { role, deps } = clients;
  const sides = sidesOf(clients);
  const advice: string[] = [];
  for (const { name, vault } of sides)
    advice.push(...(await assertTokenLasts(vault.client, `${name}.vault`)));
  for (const { name, vault, config } of sides) await readMounts(vault, config.mounts, `${name}.mounts`);
  for (const { name, vault, needs } of sides)
    advice.push(...(await assertCapabilities(vault.client, needs, `${name}.vault`)));
  if (role === 'origin') advice.push(...(await folderMetadataAdvice(deps)));
  if (role === 'destination') await deps.originInfo.readIndex();
  await deps.info.readIndex();
  await assertKeyAccess(deps.info);
  return advice;
}

/** Asks before the first cycle, so that cycles at a Vault make no request for it. */
async function folderMetadataAdvice({ vault, config }: OriginDeps): Promise<string[]> {
  const { support, missing } = await folderMetadata(vault, config);
  if (support !== 'forbidden') return [];
  const prefix = vault.client.policyPrefix;
  const lines = missing.map((grant) => ({ ...grant, policyPath: prefix + grant.policyPath }));
  return [
    `Vault ${vault.client.address}: the token of origin.vault lacks ${missingText(lines)}: ${WITHOUT_FOLDER_METADATA}. ` +
      'The text of the policy is printed by: vsync check -c FILE',
  ];
}
