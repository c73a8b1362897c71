import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startConsul, startVaultDev, type RunningServer, type VaultServer } from '../../servers/start';
import { VaultApi } from '../../shared/vault-api';
import { waitFor } from '../../shared/wait';
import { connectionsOf } from '../connections-of';
import { makePaths, type MountData } from '../data';
import { ratioOfMedians, summarise } from '../statistics';
import { BenchSync } from '../sync';
import { fillOrigin, type World } from '../world';
import { expectCycle, type Measurement } from './measurement';

const MOUNT = 'sites/';

const FOLDERS = 50;
const MOST_SECRETS = 1_500;
const BUCKETS = 512;
const DESTINATIONS = 7;

/** Far more connections than all workers together could have. */
const RAISED = { http_max_conns_per_client: 10_000 };

/** Longer than an idle connection is kept. */
const IDLE_MS = 8_000;

/** How long all destinations may take. */
const COPIED_WITHIN_MS = 20 * 60_000;

/** One Consul that all workers of a round use. */
interface Side {
  what: string;
  consul: string;
  ms: number[];
  /** Connections to Consul of each worker when all is quiet, the most of all rounds. */
  idle: number;
}

/**
 * An origin and seven destinations, a worker process each, on one machine: how long all first copies take with Consul's
 * default limit of connections for each client address, and with the limit raised, in turn.
 */
export async function measureConnections(measurement: Measurement): Promise<void> {
  const { options, world, rows, say } = measurement;
  const secrets = Math.min(options.secrets, MOST_SECRETS);
  const data = makePaths({ mount: MOUNT, secrets, folders: FOLDERS, seed: options.seed });
  say(
    `${DESTINATIONS} destinations on one machine: writing ${secrets} secrets in at most ${FOLDERS} folders`,
  );
  await fillOrigin(world, data, options.seed);

  const servers: RunningServer[] = [];
  const started = async <T extends RunningServer>(server: Promise<T>): Promise<T> => {
    const running = await server;
    servers.push(running);
    world.cleanUps.push(() => running.stop());
    return running;
  };
  const raised = await started(startConsul({ dir: path.join(world.dir, 'raised-consul'), limits: RAISED }));
  const vaults: VaultServer[] = [];
  for (let number = 1; number <= DESTINATIONS; number++)
    vaults.push(await started(startVaultDev({ dir: path.join(world.dir, `site-vault-${number}`) })));
  const limited: Side = { what: 'default limits', consul: world.consul, ms: [], idle: 0 };
  const unlimited: Side = { what: 'raised limits', consul: raised.address, ms: [], idle: 0 };
  for (let round = 1; round <= options.rounds; round++) {
    for (const side of [unlimited, limited]) {
      const ms = await firstCopies({
        world,
        data,
        side,
        vaults,
        name: `${side === limited ? 'l' : 'r'}-${round}`,
      });
      side.ms.push(ms);
      say(`first copies, ${side.what}, round ${round}: ${ms} ms; idle connections of a worker: ${side.idle}`);
    }
  }
  for (const server of servers) await server.stop();

  const [ours, floor] = [summarise(limited.ms), summarise(unlimited.ms)];
  const common = { secrets, buckets: BUCKETS };
  rows.push(
    {
      ...common,
      id: 'limited-connections',
      work: `first copies of ${DESTINATIONS} destinations on one machine, Consul's default limits beside raised ones`,
      unit: 'times',
      value: ratioOfMedians(ours, floor),
      bar: { kind: 'at most', limit: 1.1 },
      ours,
      floor,
      details: { destinations: DESTINATIONS },
    },
    {
      ...common,
      id: 'idle-connections',
      work: 'connections of one worker to Consul when it is idle, the most of all',
      unit: 'connections',
      value: Math.max(limited.idle, unlimited.idle),
      bar: { kind: 'at most', limit: 8 },
      details: {},
    },
  );
}

interface Copies {
  world: World;
  data: MountData;
  side: Side;
  vaults: readonly VaultServer[];
  name: string;
}

/** @returns the time from the origin's publication until the last destination has all secrets, in milliseconds */
async function firstCopies({ world, data, side, vaults, name }: Copies): Promise<number> {
  const secrets = data.paths.length;
  const plan = { mounts: [MOUNT], numBuckets: BUCKETS };
  const origin = new BenchSync(world, 'origin', {
    ...plan,
    name: `o-${name}`,
    addresses: { consul: side.consul },
  });
  await origin.work();
  const destinations: BenchSync[] = [];
  for (const [number, { address, rootToken }] of vaults.entries()) {
    const api = new VaultApi({ address, rootToken });
    await api.unmount(MOUNT);
    await api.mount(MOUNT);
    const addresses = { consul: side.consul, destination: address };
    const own = { ...plan, name: `d-${name}-${number + 1}`, addresses, token: rootToken };
    const destination = new BenchSync(world, 'destination', own, origin);
    destinations.push(destination);
    await destination.work();
    // There is nothing to do yet: its watch begins the first copy, as soon as the origin has published.
    await destination.start();
  }
  const [published] = await origin.start();
  expectCycle(published, 'the first cycle of the origin', { outcome: 'synced', counts: { read: secrets } });
  const ends = await Promise.all(destinations.map((destination) => copiedAt(world, destination, secrets)));
  await sleep(IDLE_MS, undefined, { signal: world.signal });
  const pids = [origin, ...destinations].flatMap(({ pids: own }) => own);
  const port = Number(new URL(side.consul).port);
  side.idle = Math.max(side.idle, ...pids.map((pid) => connectionsOf(pid, port)));
  for (const sync of [...destinations, origin]) {
    await sync.pause();
    await sync.stop();
  }
  return Math.max(...ends) - published.endedMs;
}

/** @returns when the cycle ended that brought the last secret, in milliseconds since the epoch */
async function copiedAt(world: World, destination: BenchSync, secrets: number): Promise<number> {
  let endedMs = NaN;
  await waitFor(
    () => `a destination did not get all ${secrets} secrets`,
    async () => {
      const cycles = await destination.cycles();
      const added = cycles.filter(({ result }) => result.counts.added > 0);
      if (added.reduce((sum, { result }) => sum + result.counts.added, 0) < secrets) return false;
      endedMs = Math.max(...added.map((cycle) => cycle.endedMs));
      return true;
    },
    { withinMs: COPIED_WITHIN_MS, signal: world.signal },
  );
  return endedMs;
}
