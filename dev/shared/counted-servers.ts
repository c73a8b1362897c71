import { CountingProxy } from './counting-proxy';
import {
  consulKind,
  consulWrites,
  countKinds,
  vaultKind,
  type ConsulWrites,
  type KindCounts,
} from './request-kinds';

/** The servers of a sync. */
interface Addresses {
  origin: string;
  destination: string;
  consul: string;
}

/** What was requested of each server, by kind, and what was written to Consul. */
export interface Counted {
  requests: Record<'origin Vault' | 'destination Vault' | 'Consul', KindCounts>;
  writes: ConsulWrites;
}

/** Proxies in front of all servers of a sync, which count its requests. */
export class CountedServers {
  private constructor(private readonly proxies: Record<keyof Addresses, CountingProxy>) {}

  static async before({ origin, destination, consul }: Addresses): Promise<CountedServers> {
    return new CountedServers({
      origin: await CountingProxy.before(origin),
      destination: await CountingProxy.before(destination),
      consul: await CountingProxy.before(consul),
    });
  }

  get addresses(): Addresses {
    const { origin, destination, consul } = this.proxies;
    return { origin: origin.address, destination: destination.address, consul: consul.address };
  }

  /** What came since the start, or since it was last taken; forgets it. */
  take(): Counted {
    const consul = this.proxies.consul.take();
    const requests = {
      'origin Vault': countKinds(this.proxies.origin.take(), vaultKind),
      'destination Vault': countKinds(this.proxies.destination.take(), vaultKind),
      Consul: countKinds(consul, consulKind),
    };
    return { requests, writes: consulWrites(consul) };
  }

  async close(): Promise<void> {
    await Promise.all(Object.values(this.proxies).map((proxy) => proxy.close()));
  }
}
