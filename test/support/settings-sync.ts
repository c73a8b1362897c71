import { FaultProxy } from './fault-proxy';
import { sharedServers } from './shared-servers';
import { SyncFixture, type FixtureOptions } from './sync-fixture';

interface Metadata {
  custom_metadata: Record<string, string> | null;
  max_versions: number;
  cas_required: boolean;
  delete_version_after: string;
  versions: Record<string, { deletion_time: string }>;
}

/** The settings of a secret for which none were set. */
export const DEFAULTS = {
  custom_metadata: null,
  max_versions: 0,
  cas_required: false,
  delete_version_after: '0s',
};

/** A sync with `syncMetadata`, and a proxy in front of its destination that remembers the requests. */
export class SettingsSync {
  private constructor(
    readonly fixture: SyncFixture,
    readonly proxy: FaultProxy,
  ) {}

  static async create(options: FixtureOptions = {}): Promise<SettingsSync> {
    const proxy = await FaultProxy.before(sharedServers().destinations[0].address);
    const { edit, ...rest } = options;
    const fixture = await SyncFixture.create({
      destinationVault: proxy.address,
      ...rest,
      edit: (file, role) => {
        file['syncMetadata'] = true;
        edit?.(file, role);
      },
    });
    return new SettingsSync(fixture, proxy);
  }

  /** Runs workers and schedules without the watch: cycles run only when triggered. */
  async run(): Promise<void> {
    await this.fixture.run();
  }

  async remove(): Promise<void> {
    await this.fixture.tearDown();
    await this.proxy.close();
  }

  /** Writes a value at the origin. */
  async put(path: string, data: unknown = { path }): Promise<void> {
    await this.fixture.originVault.put(this.fixture.mount, path, data);
  }

  /** Writes settings at the origin. */
  async set(path: string, settings: object): Promise<void> {
    await this.fixture.originVault.request('POST', `${this.fixture.mount}metadata/${path}`, settings);
  }

  /** A cycle of the origin, then one of the destination. */
  async cycles(): ReturnType<SyncFixture['cycle']> {
    await this.fixture.cycle('origin');
    return this.fixture.cycle('destination');
  }

  /** Metadata at the destination. */
  async metadata(path: string): Promise<Metadata> {
    const [vault] = this.fixture.destinationVaults;
    const answer = await vault?.request('GET', `${this.fixture.mount}metadata/${path}`);
    return (answer as { data: Metadata }).data;
  }

  /** Settings at the destination. */
  async settings(path: string): Promise<object> {
    const { custom_metadata, max_versions, cas_required, delete_version_after } = await this.metadata(path);
    return { custom_metadata, max_versions, cas_required, delete_version_after };
  }

  /** Expiry of a version at the destination; "" for never. */
  async deletionTime(path: string, version = 1): Promise<string | undefined> {
    return (await this.metadata(path)).versions[String(version)]?.deletion_time;
  }

  /** Value at the destination. */
  async value(path: string): Promise<unknown> {
    return this.fixture.destinationVaults[0]?.get(this.fixture.mount, path);
  }

  /** Current version at the destination. */
  async version(path: string): Promise<number> {
    return this.fixture.destinationVaults[0]?.version(this.fixture.mount, path) ?? 0;
  }

  /** Paths whose settings were written at the destination since the proxy last forgot its requests. */
  settingsWritten(): string[] {
    const start = `POST /v1/${this.fixture.mount}metadata/`;
    return this.proxy.requests
      .filter((request) => request.startsWith(start))
      .map((request) => request.slice(start.length));
  }

  /** Key prefix of the fingerprints of one role. */
  metaPrefix(role: 'origin' | 'destination'): string {
    return `${this.fixture.infoPrefix(role)}meta/`;
  }
}
