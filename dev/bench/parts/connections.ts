import path from 'node:path';
import { startConsul, startVaultDev } from '../../servers/start';
import { makePaths, type MountData } from '../../shared/sample-secrets';
import { pause, waitFor } from '../../shared/wait';
import { connectionsOf } from '../machine';
import type { Measurement } from '../measurement';
import { ratio, sum } from '../results';
import type { BenchSync } from '../sync';
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
  const data = makePaths({ mount: MOUNT, secrets, folders: FOLDERS, seed });
  await fillOrigin(world, data, seed);
  const raisedConsul = await startConsul({ dir: path.join(world.dir, 'raised-consul'), limits: RAISED });
  world.cleanUps.push(() => raisedConsul.stop());
  const vaults: BenchVault[] = [];
  for (let number = 1; number <= DESTINATIONS; number++) {
    const vault = await startVaultDev({ dir: path.join(world.dir, `site-vault-${number}`) });
    world.cleanUps.push(() => vault.stop());
    vaults.push(vaultOf(vault));
  }
  const rounds = await measurement.rounds('first copies', async (round) => {
    const copies = (name: string, consul: string) =>
      firstCopies(measurement, { name: `${name}-${round}`, consul, vaults, data });
    const raised = await copies('r', raisedConsul.address);
    const limited = await copies('l', world.consul);
    return { raised: raised.ms, limited: limited.ms, idle: Math.max(raised.idle, limited.idle) };
  });
  const common = { secrets, buckets: BUCKETS };
  const times = ratio(rounds.limited, rounds.raised);
  measurement.add('limited-connections', { ...common, ...times, details: { destinations: DESTINATIONS } });
  measurement.add('idle-connections', { ...common, value: rounds.idle.max });
}

interface Sites {
  name: string;
  consul: string;
  vaults: readonly BenchVault[];
  data: MountData;
}

/** @returns the time from the origin's publication to the end of the last copy, and the most idle connections after it */
async function firstCopies(measurement: Measurement, { name, consul, vaults, data }: Sites) {
  const { signal } = measurement.world;
  const common = { data: [data], numBuckets: BUCKETS, numWorkers: undefined, consul };
  const origin = measurement.sync('origin', { ...common, name: `o-${name}` });
  await origin.work();
  const destinations: BenchSync[] = [];
  for (const [number, vault] of vaults.entries()) {
    await freshMounts(vault, [MOUNT]);
    const access = { destination: await ordinaryAccess(vault, 'destination') };
    const plan = { ...common, name: `d-${name}-${number + 1}`, access };
    const destination = measurement.sync('destination', plan, origin);
    destinations.push(destination);
    await destination.work();
    // Nothing to copy yet: its watch begins the first copy as soon as the origin has published.
    await destination.start();
  }
  const published = await origin.start({ read: origin.secrets });
  const ends = await Promise.all(destinations.map((destination) => copiedAt(destination, signal)));
  await pause(IDLE_MS, signal);
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
async function copiedAt(destination: BenchSync, signal: AbortSignal): Promise<number> {
  let endedMs = NaN;
  const hasCopied = async (): Promise<boolean> => {
    const cycles = (await destination.cycles()).filter(({ result }) => result.counts.added > 0);
    endedMs = Math.max(...cycles.map((cycle) => cycle.endedMs));
    return sum(cycles.map(({ result }) => result.counts.added)) >= destination.secrets;
  };
  const what = () => `a destination did not get all ${destination.secrets} secrets`;
  await waitFor(what, hasCopied, { withinMs: 20 * 60_000, signal });
  return endedMs;
}
