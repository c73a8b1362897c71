import path from 'node:path';
import { findBao, startVaultDev } from '../../servers/start';
import { CountingProxy } from '../../shared/counting-proxy';
import { countKinds, vaultKind, type KindCounts } from '../../shared/request-kinds';
import { makePaths } from '../../shared/sample-secrets';
import { cpuMs } from '../machine';
import { expectCycle, type Measurement } from '../measurement';
import type { BenchSync } from '../sync';
import { fillOrigin, ordinaryAccess, vaultOf } from '../world';

const MOUNT = 'folders/';
const FOLDERS = 100;

/** With the metadata of folders, and without: the same build, and tokens that differ by one line of their policy. */
const POLICIES = { bulk: 'origin-openbao', single: 'origin' } as const;
type Way = keyof typeof POLICIES;
const WAYS = ['bulk', 'single'] as const;

/** Origin cycles at an OpenBao with nothing changed, with metadata by folder and one by one, in turn. */
export async function measureBulk(measurement: Measurement): Promise<void> {
  const { options, world } = measurement;
  if (findBao() === undefined) {
    world.say(
      'NOT MEASURED: the part bulk needs OpenBao. Put "bao" on PATH, or name it with VSYNC_TEST_BAO=/path/to/bao',
    );
    return;
  }
  const { secrets, seed } = options;
  const server = await startVaultDev({ kind: 'bao', dir: path.join(world.dir, 'bulk-bao') });
  world.cleanUps.push(() => server.stop());
  const bao = vaultOf(server);
  await fillOrigin(
    { ...world, origin: bao },
    makePaths({ mount: MOUNT, secrets, folders: FOLDERS, seed }),
    seed,
  );
  const tokens = {
    bulk: (await ordinaryAccess(bao, POLICIES.bulk)).token,
    single: (await ordinaryAccess(bao, POLICIES.single)).token,
  };
  await addRequests(measurement, bao.address, tokens);
  await addTimes(measurement, bao, tokens);
}

/** Through a proxy, in cycles whose times do not count. */
async function addRequests(
  measurement: Measurement,
  address: string,
  tokens: Record<Way, string>,
): Promise<void> {
  const counts: Partial<Record<Way, KindCounts>> = {};
  const proxy = await CountingProxy.before(address);
  measurement.world.cleanUps.push(() => proxy.close());
  for (const way of WAYS) {
    const origin = await publish(measurement, `counted-${way}`, proxy.address, tokens[way]);
    proxy.take();
    expectCycle(await origin.cycle(), 'unchanged', { read: measurement.options.secrets });
    counts[way] = countKinds(proxy.take(), vaultKind);
    await origin.stop();
  }
  const value = total(counts.single) / total(counts.bulk);
  measurement.add('bulk-requests', { value, details: { requests: counts, folders: FOLDERS } });
}

async function addTimes(
  measurement: Measurement,
  { address, pid }: { address: string; pid: number },
  tokens: Record<Way, string>,
): Promise<void> {
  const { secrets } = measurement.options;
  const origins = {
    bulk: await publish(measurement, 'bulk', address, tokens.bulk),
    single: await publish(measurement, 'single', address, tokens.single),
  };
  const measure = async (way: Way): Promise<{ ms: number; serverCpuMs: number }> => {
    const before = cpuMs(pid);
    const cycle = await origins[way].cycle();
    expectCycle(cycle, 'unchanged', { read: secrets });
    return { ms: cycle.ms, serverCpuMs: cpuMs(pid) - before };
  };
  const both = async () => {
    const [bulk, single] = [await measure('bulk'), await measure('single')];
    return { ms: bulk.ms, cpuMs: bulk.serverCpuMs, singleMs: single.ms, singleCpuMs: single.serverCpuMs };
  };
  // Warms up both.
  await both();
  const rounds = await measurement.rounds('origin cycle at OpenBao', both);
  measurement.add('bulk-wall', rounds.ratio('ms', 'singleMs'));
  measurement.add('bulk-cpu', rounds.ratio('cpuMs', 'singleCpuMs'));
  for (const way of WAYS) await origins[way].stop();
}

async function publish(
  measurement: Measurement,
  name: string,
  address: string,
  token: string,
): Promise<BenchSync> {
  const { secrets, numBuckets, inFlight: numWorkers } = measurement.options;
  const plan = { mounts: [MOUNT], numBuckets, numWorkers, addresses: { origin: address } };
  const [origin] = await measurement.publish(
    { ...plan, name: `bao-${name}`, tokens: { origin: token } },
    secrets,
  );
  return origin;
}

function total(kinds: KindCounts = {}): number {
  return Object.values(kinds).reduce((sum, count) => sum + count, 0);
}
