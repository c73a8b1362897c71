import { CountingProxy } from '../../shared/counting-proxy';
import { consulKind, consulWrites, countKinds, vaultKind, type KindCounts } from '../../shared/request-kinds';
import { makeValue, type MountData } from '../../shared/sample-secrets';
import { expectCycle, type Measurement } from '../measurement';
import type { BenchSync } from '../sync';

/** What one cycle requested of each server, and what it wrote to Consul. */
interface Counted {
  requests: Record<string, KindCounts>;
  writes: ReturnType<typeof consulWrites>;
}

/**
 * Counts requests and writes through proxies, once with the larger mount alone and once with the smaller one alone:
 * what must not depend on the number of secrets is the same in both. The times have no meaning here.
 */
export async function measureRequests(measurement: Measurement): Promise<void> {
  const large = await countMount(measurement, measurement.data[0]);
  const small = await countMount(measurement, measurement.data[1]);
  const { secrets, unchanged, changed } = large;
  const both = [large, small].map((mount) => mount.unchanged.destination.requests);
  const nameOf = (mount: typeof large): string => `destination, unchanged, ${mount.secrets} secrets`;
  measurement.add('unchanged-requests', {
    value: Math.max(...both.map(total)),
    secrets,
    details: Object.fromEntries([large, small].map((mount, at) => [nameOf(mount), both[at]])),
  });
  const { transactions, staged, keys } = changed.origin.writes;
  const details = { keys, requests: changed.origin.requests };
  measurement.add('change-transactions', { value: transactions, secrets, details });
  measurement.add('change-staged', { value: staged, secrets });
  const writes = [large, small]
    .flatMap((mount) => Object.values(mount.unchanged))
    .map((cycle) => cycle.writes);
  measurement.add('idle-writes', {
    value: writes.reduce((sum, write) => sum + write.keys.length + write.staged, 0),
    secrets,
    details: {
      'origin, unchanged': unchanged.origin.requests,
      'destination, one change': changed.destination.requests,
    },
  });
}

async function countMount(measurement: Measurement, { mount, paths }: MountData) {
  const { options, world } = measurement;
  world.say(`counting requests through proxies, ${paths.length} secrets`);
  const origins = await CountingProxy.before(world.origin.address);
  const destinations = await CountingProxy.before(world.destination.address);
  const consuls = await CountingProxy.before(world.consul);
  const all = [origins, destinations, consuls];
  world.cleanUps.push(() => Promise.all(all.map((proxy) => proxy.close())));
  const counted = async (sync: BenchSync, outcome: string, updated = 0): Promise<Counted> => {
    for (const proxy of all) proxy.take();
    const cycle = await sync.cycle();
    expectCycle(cycle, outcome, { updated });
    if (sync.role === 'destination')
      measurement.noteHistory(`destination, ${outcome}, ${paths.length} secrets`, cycle);
    const consul = consuls.take();
    const requests = {
      'origin Vault': countKinds(origins.take(), vaultKind),
      'destination Vault': countKinds(destinations.take(), vaultKind),
      Consul: countKinds(consul, consulKind),
    };
    return { requests, writes: consulWrites(consul) };
  };
  const addresses = {
    origin: origins.address,
    destination: destinations.address,
    consul: consuls.address,
  };
  const { numBuckets, inFlight: numWorkers } = options;
  const plan = { name: `counted-${mount.slice(0, -1)}`, mounts: [mount], numBuckets, numWorkers, addresses };
  const [origin] = await measurement.publish(plan, paths.length);
  const [destination] = await measurement.firstCopy(plan, origin, paths.length);
  await destination.stopWatch();

  const unchanged = {
    origin: await counted(origin, 'unchanged'),
    destination: await counted(destination, 'unchanged'),
  };
  await world.origin.api.put(mount, paths[0] ?? '', makeValue(options.seed - 1, mount));
  const changed = {
    origin: await counted(origin, 'synced'),
    destination: await counted(destination, 'synced', 1),
  };
  await Promise.all([origin.stop(), destination.stop()]);
  return { secrets: paths.length, unchanged, changed };
}

function total(requests: Record<string, KindCounts>): number {
  return Object.values(requests)
    .flatMap((kinds) => Object.values(kinds))
    .reduce((sum, count) => sum + count, 0);
}
