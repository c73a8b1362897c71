import type { Logger } from 'pino';
import type { VaultTimes } from '../../src/vault/client';
import { FaultProxy } from './fault-proxy';
import { sharedServers } from './shared-servers';
import { SyncFixture, type FixtureOptions } from './sync-fixture';

/** Proxies in front of the real servers, for both roles. */
export interface Proxies {
  originVault: FaultProxy;
  vault: FaultProxy;
  /** In front of the Consul with the origin's sync info. */
  originConsul: FaultProxy;
}

export interface RunningOptions extends FixtureOptions {
  /** Secrets at the origin before the first cycle, each with its path as value. */
  secrets?: readonly string[];
  log?: Logger;
  /** Prepares the proxies before the workers start. */
  beforeWork?: (proxies: Proxies) => void;
  /** Log of the workers. */
  vaultTimes?: VaultTimes;
}

/** A sync that has copied its first secrets. Its servers are behind fault proxies; cycles run only when triggered. */
export class RunningSync {
  private constructor(
    readonly sync: SyncFixture,
    readonly proxies: Proxies,
  ) {}

  static async create({
    secrets = [],
    edit,
    log,
    beforeWork,
    vaultTimes,
    ...options
  }: RunningOptions = {}): Promise<RunningSync> {
    const { origin, destinations, consul } = options.servers ?? sharedServers();
    const proxies: Proxies = {
      originVault: await FaultProxy.before(origin.address),
      vault: await FaultProxy.before(destinations[0].address),
      originConsul: await FaultProxy.before(consul),
    };
    const sync = await SyncFixture.create({
      destinationVault: proxies.vault.address,
      ...options,
      edit: (file, role) => {
        const section = file['origin'] as { vault: { address: string }; consul: { address: string } };
        section.vault.address = proxies.originVault.address;
        section.consul.address = proxies.originConsul.address;
        edit?.(file, role);
      },
    });
    const running = new RunningSync(sync, proxies);
    await running.put(...secrets);
    beforeWork?.(proxies);
    await sync.run({ ...(log && { log }), ...(vaultTimes && { vaultTimes }) });
    await sync.cycle('origin');
    await sync.cycle('destination');
    return running;
  }

  /** Writes secrets at the origin, each with its path as value. */
  async put(...paths: readonly string[]): Promise<void> {
    for (const path of paths) await this.sync.originVault.put(this.sync.mount, path, { path });
  }

  data(path: string): string {
    return `${this.sync.mount}data/${path}`;
  }

  /** A secret at the destination: its value (undefined if deleted or absent) and its version. */
  async at(path: string): Promise<[value: unknown, version: number | undefined]> {
    const [vault] = this.sync.destinationVaults;
    return [await vault?.get(this.sync.mount, path), await vault?.version(this.sync.mount, path)];
  }

  /** Expects that the destination has each of these secrets as first written, in version 1. */
  async expectFirstVersions(paths: readonly string[]): Promise<void> {
    const there = await Promise.all(paths.map(async (path) => [path, ...(await this.at(path))]));
    expect(there).toEqual(paths.map((path) => [path, { path }, 1]));
  }

  /** Lets everything pass again, and forgets the requests so far. */
  mendAll(): void {
    for (const proxy of Object.values(this.proxies) as FaultProxy[]) proxy.choose(() => undefined);
  }

  async tearDown(): Promise<void> {
    this.mendAll();
    await this.sync.tearDown();
    await Promise.all((Object.values(this.proxies) as FaultProxy[]).map((proxy) => proxy.close()));
  }
}
