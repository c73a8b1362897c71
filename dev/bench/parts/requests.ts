import { CountingProxy } from '../../shared/counting-proxy';
import { makeValue, type MountData } from '../data';
import {
  consulKind,
  consulWrites,
  countKinds,
  vaultKind,
  type ConsulWrites,
  type KindCounts,
} from '../requests';
import { BenchSync, type MeasuredCycle } from '../sync';
import { freshMounts } from '../world';
import { expectCycle, noteHistory, type Measurement } from './measurement';

/** What one cycle asked of each server, and wrote to Consul. */
interface Counted {
  requests: { 'origin Vault': KindCounts; 'destination Vault': KindCounts; Consul: KindCounts };
  writes: ConsulWrites;
  cycle: MeasuredCycle;
}

/** What was counted with the secrets of one mount. */
interface CountedMount {
  secrets: number;
  originUnchanged: Counted;
  destinationUnchanged: Counted;
  originChanged: Counted;
  destinationChanged: Counted;
}

/**
 * Counts requests and writes through proxies, on a sync of the larger mount alone and on one of the smaller mount
 * alone: what must not depend on the number of secrets is then the same. The times mean nothing here.
 */
export async function measureRequests(measurement: Measurement): Promise<void> {
  const { options, rows, say, data } = measurement;
  const [large, small] = [await countMount(measurement, data[0]), await countMount(measurement, data[1])];
  const common = { secrets: large.secrets, buckets: options.numBuckets };
  const totals = [large, small].map(({ destinationUnchanged }) => totalOf(destinationUnchanged));
  say(`destination cycle with nothing changed: ${totals.join(' and ')} requests`);
  rows.push({
    ...common,
    id: 'unchanged-requests',
    work: 'destination cycle with nothing changed, one mount: requests to Vault and Consul',
    unit: 'requests',
    value: Math.max(...totals),
    bar: { kind: 'at most', limit: 8 },
    details: Object.fromEntries(
      [large, small].map(({ secrets, destinationUnchanged }) => [
        `${secrets} secrets`,
        destinationUnchanged.requests,
      ]),
    ),
  });
  const { originChanged, originUnchanged, destinationChanged } = large;
  const details = { keys: originChanged.writes.keys, requests: originChanged.requests };
  rows.push(
    {
      ...common,
      id: 'change-transactions',
      work: 'Consul writes of an origin cycle with one changed secret: transactions',
      unit: 'transactions',
      value: originChanged.writes.transactions,
      bar: { kind: 'at most', limit: 1 },
      details,
    },
    {
      ...common,
      id: 'change-staged',
      work: 'Consul writes of an origin cycle with one changed secret: staged values',
      unit: 'values',
      value: originChanged.writes.staged,
      bar: { kind: 'at most', limit: 1 },
      details: {},
    },
    {
      ...common,
      id: 'idle-writes',
      work: 'Consul writes of an origin and a destination cycle with nothing changed',
      unit: 'writes',
      value: [large, small]
        .flatMap((counted) => [counted.originUnchanged, counted.destinationUnchanged])
        .reduce((sum, { writes: { keys, staged } }) => sum + keys.length + staged, 0),
      bar: { kind: 'at most', limit: 0 },
      details: {
        'origin, unchanged': originUnchanged.requests,
        'destination, one change': destinationChanged.requests,
      },
    },
  );
}

async function countMount(measurement: Measurement, data: MountData): Promise<CountedMount> {
  const { options, world, say } = measurement;
  const { mount, paths } = data;
  const [path = ''] = paths;
  const proxies = {
    origin: await CountingProxy.before(world.origin.address),
    destination: await CountingProxy.before(world.destination.address),
    consul: await CountingProxy.before(world.consul),
  };
  const all = Object.values(proxies);
  world.cleanUps.push(() => Promise.all(all.map((proxy) => proxy.close())));
  const name = `counted-${mount.slice(0, -1)}`;
  const addresses = {
    origin: proxies.origin.address,
    destination: proxies.destination.address,
    consul: proxies.consul.address,
  };
  const { numBuckets, inFlight: numWorkers } = options;
  const plan = { name, mounts: [mount], numBuckets, numWorkers, addresses };
  const origin = new BenchSync(world, 'origin', plan);
  const destination = new BenchSync(world, 'destination', plan, origin);
  const counted = async (sync: BenchSync): Promise<Counted> => {
    for (const proxy of all) proxy.take();
    const cycle = await sync.cycle();
    const consul = proxies.consul.take();
    return {
      requests: {
        'origin Vault': countKinds(proxies.origin.take(), vaultKind),
        'destination Vault': countKinds(proxies.destination.take(), vaultKind),
        Consul: countKinds(consul, consulKind),
      },
      writes: consulWrites(consul),
      cycle,
    };
  };
  say(`counting requests through proxies, ${paths.length} secrets`);
  await freshMounts(world, [mount]);
  await origin.work();
  await origin.start();
  await destination.work();
  await destination.start();
  await destination.stopWatch();

  const originUnchanged = await counted(origin);
  expectCycle(originUnchanged.cycle, 'an origin cycle', { outcome: 'unchanged', counts: {} });
  const destinationUnchanged = await counted(destination);
  expectCycle(destinationUnchanged.cycle, 'a destination cycle', { outcome: 'unchanged', counts: {} });
  noteHistory(measurement, `destination, unchanged, ${paths.length} secrets`, destinationUnchanged.cycle);
  await world.origin.api.put(mount, path, makeValue(options.seed - 1, mount + path));
  const originChanged = await counted(origin);
  expectCycle(originChanged.cycle, 'an origin cycle', { outcome: 'synced', counts: {} });
  const destinationChanged = await counted(destination);
  const changed = { outcome: 'synced', counts: { updated: 1 } };
  expectCycle(destinationChanged.cycle, 'a destination cycle', changed);
  noteHistory(measurement, `destination, one change, ${paths.length} secrets`, destinationChanged.cycle);
  await Promise.all([origin.stop(), destination.stop()]);
  return { secrets: paths.length, originUnchanged, destinationUnchanged, originChanged, destinationChanged };
}

function totalOf({ requests }: Counted): number {
  return Object.values(requests)
    .flatMap((kinds) => Object.values(kinds))
    .reduce((sum, count) => sum + count, 0);
}
