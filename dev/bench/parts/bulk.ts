import path from 'node:path';
import { findBao, startVaultDev } from '../../servers/start';
import { CountingProxy } from '../../shared/counting-proxy';
import { countKinds, vaultKind, type KindCounts } from '../../shared/request-kinds';
import { makePaths, type MountData } from '../../shared/sample-secrets';
import type { VaultAccess } from '../../shared/vault-requests';
import { cpuMs } from '../machine';
import type { Measurement } from '../measurement';
import { ratio, sum } from '../results';
import type { BenchSync } from '../sync';
import { fillOrigin, ordinaryAccess, vaultOf, type BenchVault } from '../world';

const MOUNT = 'folders/';
const FOLDERS = 100;

/** With the metadata of folders, and without: the same build, and tokens that differ by one line of their policy. */
const POLICIES = { bulk: 'origin-openbao', single: 'origin' } as const;
type Way = keyof typeof POLICIES;
const WAYS = ['bulk', 'single'] as const;

/** An OpenBao with the secrets of one mount, and a token for each way. */
interface Bao {
  vault: BenchVault;
  data: MountData;
  tokens: Record<Way, string>;
}

/** Origin cycles at an OpenBao with nothing changed, with metadata by folder and one by one, in turn. */
export async function measureBulk(measurement: Measurement): Promise<void> {
  const { options, world } = measurement;
  if (findBao() === undefined) {
    console.log(
      'NOT MEASURED: the part bulk needs OpenBao. Put "bao" on PATH, or name it with VSYNC_TEST_BAO=/path/to/bao',
    );
    return;
  }
  const { secrets, seed } = options;
  const server = await startVaultDev({ kind: 'bao', dir: path.join(world.dir, 'bulk-bao') });
  world.cleanUps.push(() => server.stop());
  const vault = vaultOf(server);
  const data = makePaths({ mount: MOUNT, secrets, folders: FOLDERS, seed });
  await fillOrigin({ ...world, origin: vault }, data, seed);
  const tokens = {
    bulk: (await ordinaryAccess(vault, POLICIES.bulk)).token,
    single: (await ordinaryAccess(vault, POLICIES.single)).token,
  };
  await addRequests(measurement, { vault, data, tokens });
  await addTimes(measurement, { vault, data, tokens });
}

/** Through a proxy, in cycles whose times do not count. */
async function addRequests(measurement: Measurement, { vault, data, tokens }: Bao): Promise<void> {
  const counts: Partial<Record<Way, KindCounts>> = {};
  const proxy = await CountingProxy.before(vault.address);
  measurement.world.cleanUps.push(() => proxy.close());
  for (const way of WAYS) {
    const access = { address: proxy.address, token: tokens[way] };
    const origin = await publish(measurement, `counted-${way}`, data, access);
    proxy.take();
    await origin.cycle('unchanged', { read: origin.secrets });
    counts[way] = countKinds(proxy.take(), vaultKind);
    await origin.stop();
  }
  const value = sum(Object.values(counts.single ?? {})) / sum(Object.values(counts.bulk ?? {}));
  measurement.add('bulk-requests', { value, details: { requests: counts, folders: FOLDERS } });
}

async function addTimes(measurement: Measurement, { vault, data, tokens }: Bao): Promise<void> {
  const { address, pid } = vault;
  const origins = {
    bulk: await publish(measurement, 'bulk', data, { address, token: tokens.bulk }),
    single: await publish(measurement, 'single', data, { address, token: tokens.single }),
  };
  const measure = async (way: Way): Promise<{ ms: number; serverCpuMs: number }> => {
    const before = cpuMs(pid);
    const cycle = await origins[way].cycle('unchanged', { read: origins[way].secrets });
    return { ms: cycle.ms, serverCpuMs: cpuMs(pid) - before };
  };
  const both = async () => {
    const [bulk, single] = [await measure('bulk'), await measure('single')];
    return { ms: bulk.ms, cpuMs: bulk.serverCpuMs, singleMs: single.ms, singleCpuMs: single.serverCpuMs };
  };
  // Warms up both.
  await both();
  const rounds = await measurement.rounds('origin cycle at OpenBao', both);
  measurement.add('bulk-wall', ratio(rounds.ms, rounds.singleMs));
  measurement.add('bulk-cpu', ratio(rounds.cpuMs, rounds.singleCpuMs));
  for (const way of WAYS) await origins[way].stop();
}

async function publish(
  measurement: Measurement,
  name: string,
  data: MountData,
  access: VaultAccess,
): Promise<BenchSync> {
  const plan = { name: `bao-${name}`, data: [data], access: { origin: access } };
  const [origin] = await measurement.publish(plan);
  return origin;
}
