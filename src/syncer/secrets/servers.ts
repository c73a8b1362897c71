import { compareVaults } from '../../access/mounts';
import { infoOf, openVault, scopeOf, type OpenInfo } from '../../activities/clients';
import { orAborted } from '../../concurrency/abort';
import type { DestinationConfig } from '../../config/schema';
import type { Scope } from '../../rules/scope';
import type { DestinationState } from '../../sync-info/state';
import type { SyncInfo } from '../../sync-info/sync-info';
import type { Kv2 } from '../../vault/kv2';
import type { KeptTokens } from './kept-tokens';
import type { OriginVaults } from './origin-vaults';
import { OriginsInfo } from './published';

/**
 * The servers of one destination. Each is opened when it is first needed, and again after a failure: a server that is down
 * must not keep the others from answering.
 */
export class DestinationServers {
  /** Without mounts that are one engine at both ends. */
  readonly plainScope: Scope;
  private readonly own: Reopened;
  private readonly origin: Reopened;
  private ownVault: Kv2 | undefined;
  private shared: Scope | undefined;
  private published: OriginsInfo | undefined;

  constructor(
    private readonly config: DestinationConfig,
    private readonly origins: OriginVaults,
    private readonly tokens: KeptTokens,
  ) {
    this.plainScope = scopeOf(config, new Map());
    this.own = new Reopened(() => infoOf(config));
    this.origin = new Reopened(() => infoOf(config, 'origin'));
  }

  /** The sync info of the destination. */
  info(signal: AbortSignal): Promise<SyncInfo> {
    return this.own.info(signal);
  }

  get originVault(): Kv2 {
    return this.origins.of(this.config);
  }

  get vault(): Kv2 {
    if (this.ownVault !== undefined) return this.ownVault;
    const { vault, renewToken } = this.config.destination;
    this.ownVault = openVault(vault, undefined);
    this.tokens.keep(this.ownVault.client, 'destination.vault', renewToken);
    return this.ownVault;
  }

  /** The sync info of the origin, to explain what a destination waits for. */
  async originsInfo(scope: Scope, signal: AbortSignal): Promise<OriginsInfo> {
    const info = await this.origin.info(signal);
    // Kept, because it remembers the targets of all secrets by the hashes of their buckets.
    this.published ??= new OriginsInfo(info, scope, this.config.destination.transforms.length > 0);
    return this.published;
  }

  /**
   * Which secrets go where. The Vaults are only asked whether they have mounts in common if the last cycle found them to be
   * one: that question needs both to be up.
   */
  async scope(state: DestinationState | undefined, signal: AbortSignal): Promise<Scope> {
    const { origin, destination } = state?.parts?.sides ?? {};
    if (origin === undefined || origin.cluster !== destination?.cluster) return this.plainScope;
    if (this.shared === undefined) {
      const compared = await orAborted(compareVaults(this.config, this.originVault, this.vault), signal);
      this.shared = scopeOf(this.config, compared.sharedMounts);
    }
    return this.shared;
  }

  async close(): Promise<void> {
    this.own.close();
    this.origin.close();
    await this.ownVault?.client.close();
  }
}

/** Sync info whose Consul is opened on first use, and again after a failure. */
class Reopened {
  private opening: Promise<OpenInfo> | undefined;

  constructor(private readonly open: () => Promise<OpenInfo>) {}

  async info(signal: AbortSignal): Promise<SyncInfo> {
    this.opening ??= this.open();
    const { opening } = this;
    opening.catch(() => {
      if (this.opening === opening) this.opening = undefined;
    });
    return (await orAborted(opening, signal)).info;
  }

  close(): void {
    this.opening?.then(
      ({ close }) => {
        close();
      },
      () => undefined,
    );
    this.opening = undefined;
  }
}
