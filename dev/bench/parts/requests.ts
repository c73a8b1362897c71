import { CountedServers } from '../../shared/counted-servers';
import { makeValue, type MountData } from '../../shared/sample-secrets';
import type { Measurement } from '../measurement';
import { sum } from '../results';
import type { BenchSync } from '../sync';
import { accessThrough } from '../world';

/**
 * Counts requests and writes through proxies, once with the larger mount alone and once with the smaller one alone:
 * what must not depend on the number of secrets is the same in both. The times have no meaning here.
 */
export async function measureRequests(measurement: Measurement): Promise<void> {
  const [large, small] = measurement.data;
  const both = [await countMount(measurement, large), await countMount(measurement, small)] as const;
  const [{ secrets, unchanged, changed }] = both;
  const ofDestinations = Object.fromEntries(
    both.map((mount) => [
      `destination, unchanged, ${mount.secrets} secrets`,
      mount.unchanged.destination.requests,
    ]),
  );
  const totals = Object.values(ofDestinations).map((servers) =>
    sum(Object.values(servers).flatMap((kinds) => Object.values(kinds))),
  );
  measurement.add('unchanged-requests', { value: Math.max(...totals), secrets, details: ofDestinations });
  const { transactions, staged, keys } = changed.origin.writes;
  const details = { keys, requests: changed.origin.requests };
  measurement.add('change-transactions', { value: transactions, secrets, details });
  measurement.add('change-staged', { value: staged, secrets });
  const idle = both.flatMap((mount) => Object.values(mount.unchanged));
  measurement.add('idle-writes', {
    value: sum(idle.map(({ writes }) => writes.keys.length + writes.staged)),
    secrets,
    details: {
      'origin, unchanged': unchanged.origin.requests,
      'destination, one change': changed.destination.requests,
    },
  });
}

async function countMount(measurement: Measurement, data: MountData) {
  const { options, world } = measurement;
  const { mount, paths } = data;
  console.log(`counting requests through proxies, ${paths.length} secrets`);
  const servers = await CountedServers.before({
    origin: world.origin.address,
    destination: world.destination.address,
    consul: world.consul,
  });
  world.cleanUps.push(() => servers.close());
  const counted = async (sync: BenchSync, outcome: 'unchanged' | 'synced', updated = 0) => {
    servers.take();
    const cycle = await sync.cycle(outcome, { updated });
    if (sync.role === 'destination')
      measurement.noteHistory(`destination, ${outcome}, ${paths.length} secrets`, cycle);
    return servers.take();
  };
  const { consul } = servers.addresses;
  const access = accessThrough(world, servers.addresses);
  const plan = { name: `counted-${mount.slice(0, -1)}`, data: [data], access, consul };
  const [origin] = await measurement.publish(plan);
  const [destination] = await measurement.firstCopy(plan, origin);
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
