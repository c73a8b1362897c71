import { hashBucket, parseBucket, serializeBucket, parseIndex, serializeIndex } from '../../src/rules/bucket';
import { BaoFront, metadataCas, movingTimes, type Behaviour } from './bao-front';
import { findBao, startVaultDev, type VaultServer } from '../../dev/servers/start';
import type { RootVault } from '../../dev/shared/vault-api';
import { sharedServers } from './shared-servers';
import { SyncFixture, type FixtureOptions } from './sync-fixture';

/** The kinds of OpenBao for both ends of a sync: the stand-in, and the real one where it is installed. */
export const BAO_KINDS: readonly ('stand-in' | 'OpenBao')[] =
  findBao() === undefined ? ['stand-in'] : ['stand-in', 'OpenBao'];

/** A sync between two OpenBaos. Each is behind a front, to which a test can add a behaviour. */
export class BaoSync {
  private constructor(
    readonly sync: SyncFixture,
    readonly origin: BaoFront,
    readonly destination: BaoFront,
    private readonly servers: VaultServer[],
  ) {}

  static async create(kind: (typeof BAO_KINDS)[number], options: FixtureOptions = {}): Promise<BaoSync> {
    const shared = sharedServers();
    const isReal = kind === 'OpenBao';
    const servers = isReal
      ? await Promise.all([startVaultDev({ kind: 'bao' }), startVaultDev({ kind: 'bao' })])
      : [];
    const [atOrigin = shared.origin, atDestination = shared.destinations[0]] = servers;
    const front = (address: string): Promise<BaoFront> =>
      BaoFront.before(address, ...(isReal ? [] : [movingTimes(), metadataCas()]));
    const [origin, destination] = [await front(atOrigin.address), await front(atDestination.address)];
    const behind = (before: BaoFront, { rootToken }: RootVault): RootVault => {
      return { address: before.address, rootToken };
    };
    const sync = await SyncFixture.create({
      ...options,
      servers: {
        ...shared,
        origin: behind(origin, atOrigin),
        destinations: [behind(destination, atDestination), shared.destinations[1]],
      },
    });
    return new BaoSync(sync, origin, destination, servers);
  }

  async tearDown(): Promise<void> {
    await this.sync.tearDown();
    await Promise.all([this.origin.close(), this.destination.close()]);
    await Promise.all(this.servers.map((server) => server.stop()));
  }

  /** Puts a behaviour in front of the destination. @returns a function that removes it */
  before(behaviour: Behaviour): () => void {
    const { behaviours } = this.destination;
    this.destination.behaviours = [behaviour, ...behaviours];
    return () => {
      this.destination.behaviours = behaviours;
    };
  }

  /** Writes a value at the origin. */
  async put(path: string, data: unknown = { path }): Promise<void> {
    await this.sync.originVault.put(this.sync.mount, path, data);
  }

  /** Writes metadata at the origin. */
  async set(path: string, settings: object): Promise<void> {
    await this.sync.originVault.request('POST', `${this.sync.mount}metadata/${path}`, settings);
  }

  /** Metadata of a secret at one end, as its users see them. */
  async metadata(path: string, at: 'origin' | 'destination' = 'origin'): Promise<Metadata> {
    const { originVault, destinationVaults, mount } = this.sync;
    const vault = at === 'origin' ? originVault : destinationVaults[0];
    const answer = await vault?.request('GET', `${mount}metadata/${path}`);
    return (answer as { data: Metadata }).data;
  }

  /** A secret at the destination: its value (undefined if deleted or absent) and its version. */
  async at(path: string): Promise<[value: unknown, version: number | undefined]> {
    const [vault] = this.sync.destinationVaults;
    return [await vault?.get(this.sync.mount, path), await vault?.version(this.sync.mount, path)];
  }

  /**
   * Rewrites the sync info of a role as the original would: with `updated_time` of the metadata, which on OpenBao
   * changes with each metadata write.
   */
  async publishAsOriginal(role: 'origin' | 'destination' = 'origin'): Promise<void> {
    const { consul, mount } = this.sync;
    const prefix = this.sync.infoPrefix(role);
    const values = await consul.values(prefix);
    const index = parseIndex(values[`${prefix}index`] ?? '');
    for (const id of index.keys()) {
      const bucket = parseBucket(values[`${prefix}${id}`] ?? '');
      for (const [path, insight] of bucket) {
        const { updated_time: updateTime } = await this.metadata(path.replace(`${mount}data/`, ''));
        bucket.set(path, { ...insight, updateTime });
      }
      await consul.put(`${prefix}${id}`, serializeBucket(bucket));
      index[id] = hashBucket(bucket);
    }
    await consul.put(`${prefix}index`, serializeIndex(index));
  }
}

interface Metadata {
  current_version: number;
  updated_time: string;
  versions: Record<string, { created_time: string }>;
  custom_metadata: Record<string, string> | null;
  max_versions: number;
  current_metadata_version: number;
}
