import type { VaultAccess } from './vault-requests';

/** What the other tools are told. */
export interface OtherPlan {
  origin: VaultAccess;
  destination: VaultAccess;
  /** URL of the Consul of both ends. */
  consul: string;
  mounts: readonly string[];
  syncPath: string;
  numBuckets: number;
  inFlight: number;
}

/** The same timeout for all: a hang ends. */
const TIMEOUT = '1h';
/** That of Consul's dev mode. */
const DEV_DATACENTER = 'dc1';
/** The shortest: the original vsync begins its first cycle after one, which is part of its times. */
const TICK = '1s';

/** Configuration file of the original vsync, for either role, as JSON. */
export function originalVsyncFile(role: 'origin' | 'destination', plan: OtherPlan): string {
  const { mounts, syncPath, numBuckets, inFlight: numWorkers } = plan;
  // It does not start without a datacenter.
  const consul = { address: new URL(plan.consul).host, dc: DEV_DATACENTER };
  const section = (vault: VaultAccess): object => {
    return { vault, consul, mounts, syncPath, numWorkers, tick: TICK, timeout: TIMEOUT };
  };
  const origin = section(plan.origin);
  const content =
    role === 'origin'
      ? { name: 'original', numBuckets, origin }
      : { name: 'original', numBuckets, origin, destination: section(plan.destination) };
  return JSON.stringify(content, null, 2);
}

/** Configuration file of vault-sync, as YAML. */
export function vaultSyncFile({ origin, destination, mounts }: OtherPlan): string {
  const backends = mounts.map((mount) => mount.replace(/\/$/, ''));
  const side = ({ address, token }: VaultAccess): object => {
    return { url: `${address}/`, prefix: '', backends, token };
  };
  // JSON is YAML.
  const content = { id: 'bench', full_sync_interval: 3600, src: side(origin), dst: side(destination) };
  return JSON.stringify(content, null, 2);
}
