import { Helper } from './helper';
import type { LatencyDone, LatencyWork } from './latency-proxy';
import type { World } from './world';

/** Secrets of the parts with distant Vaults: more would only take longer, because the latency decides there. */
export const MAX_DISTANT_SECRETS = 10_000;

/** Both Vaults behind a proxy, in a process of its own. */
export interface DistantVaults {
  proxy: Helper<LatencyWork, LatencyDone>;
  addresses: { origin: string; destination: string };
}

/** @param delayMs that each request to a Vault is held back */
export async function distantVaults(world: World, delayMs: number): Promise<DistantVaults> {
  const proxy = Helper.latencyProxy();
  world.cleanUps.push(() => proxy.stop());
  const targets = [world.origin.address, world.destination.address];
  const [origin = '', destination = ''] = await proxy.do({ targets, delayMs });
  return { proxy, addresses: { origin, destination } };
}
