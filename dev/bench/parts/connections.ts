import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startConsul, startVaultDev } from '../../servers/start';
import { makePaths } from '../../shared/sample-secrets';
import { waitFor } from '../../shared/wait';
import { connectionsOf } from '../machine';
import { expectCycle, type Measurement } from '../measurement';
import { BenchSync } from '../sync';
import { fillOrigin, freshMounts, ordinaryAccess, vaultOf, type BenchVault } from '../world';

const MOUNT = 'sites/';
const FOLDERS = 50;
const MOST_SECRETS = 1_500;
const BUCKETS = 512;
const DESTINATIONS = 7;

/** Far more connections than all workers together could have. */
const RAISED = { http_max_conns_per_client: 10_000 };

/** Longer than an idle connection is kept. */
const IDLE_MS = 8_000;

/**
 * An origin and seven destinations, a worker process each, on one machine: how long all first copies take with Consul's
 * default limit of connections for each client address, and with the limit raised, in turn.
 */
export async function measureConnections(measurement: Measurement): Promise<void> {
  const { options, world } = measurement;
  const { seed } = options;
  const secrets = Math.min(options.secrets, MOST_SECRETS);
  await fillOrigin(world, makePaths({ mount: MOUNT, secrets, folders: FOLDERS, seed }), seed);
  const dir = (name: string) => ({ dir: path.join(world.dir, name) });
  const consul = await startConsul({ ...dir('raised-consul'), limits: RAISED });
  world.cleanUps.push(() => consul.stop());
  const vaults: BenchVault[] = [];
  for (let number = 1; number <= DESTINATIONS; number++) {
    const vault = await startVaultDev(dir(`site-vault-${number}`));
    world.cleanUps.push(() => vault.stop());
    vaults.push(vaultOf(vault));
  }
  const rounds = await measurement.rounds('first copies', async (round) => {
    const common = { vaults, secrets };
    const raised = await firstCopies(measurement, { ...common, name: `r-${round}`, consul: consul.address });
    const limited = await firstCopies(measurement, { ...common, name: `l-${round}`, consul: world.consul });
    return { raised: raised.ms, limited: limited.ms, idle: Math.max(raised.idle, limited.idle) };
  });
  const common = { secrets, buckets: BUCKETS };
  const details = { destinations: DESTINATIONS };
  measurement.add('limited-connections', { ...common, ...rounds.ratio('limited', 'raised'), details });
  measurement.add('idle-connections', { ...common, value: rounds.of('idle').max });
}

/** @returns the time from the origin's publication to the end of the last copy, and the most idle connections after it */
async function firstCopies(
  { world }: Measurement,
  { name, consul, vaults, secrets }: { name: string; consul: string; vaults: BenchVault[]; secrets: number },
): Promise<{ ms: number; idle: number }> {
  const plan = { mounts: [MOUNT], numBuckets: BUCKETS };
  const origin = new BenchSync(world, 'origin', { ...plan, name: `o-${name}`, addresses: { consul } });
  await origin.work();
  const destinations: BenchSync[] = [];
  for (const [number, vault] of vaults.entries()) {
    await freshMounts(vault, [MOUNT]);
    const addresses = { consul, destination: vault.address };
    const { token } = await ordinaryAccess(vault, 'destination');
    const own = { ...plan, name: `d-${name}-${number + 1}`, addresses, tokens: { destination: token } };
    const destination = new BenchSync(world, 'destination', own, origin);
    destinations.push(destination);
    await destination.work();
    // Nothing to copy yet: its watch begins the first copy as soon as the origin has published.
    await destination.start();
  }
  const published = await origin.start();
  expectCycle(published, 'synced', { read: secrets });
  const ends = await Promise.all(destinations.map((sync) => copiedAt(sync, secrets, world.signal)));
  await sleep(IDLE_MS, undefined, { signal: world.signal });
  const port = Number(new URL(consul).port);
  const syncs = [...destinations, origin];
  const idle = Math.max(...syncs.flatMap(({ pids }) => pids).map((pid) => connectionsOf(pid, port)));
  for (const sync of syncs) {
    await sync.stopWatch();
    await sync.stop();
  }
  return { ms: Math.max(...ends) - published.endedMs, idle };
}

/** @returns when the cycle ended that copied the last secret, in milliseconds since the epoch */
async function copiedAt(destination: BenchSync, secrets: number, signal: AbortSignal): Promise<number> {
  let endedMs = NaN;
  const hasCopied = async (): Promise<boolean> => {
    const cycles = (await destination.cycles()).filter(({ result }) => result.counts.added > 0);
    endedMs = Math.max(...cycles.map((cycle) => cycle.endedMs));
    return cycles.reduce((sum, { result }) => sum + result.counts.added, 0) >= secrets;
  };
  const within = { withinMs: 20 * 60_000, signal };
  await waitFor(() => `a destination did not get all ${secrets} secrets`, hasCopied, within);
  return endedMs;
}
