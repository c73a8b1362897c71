import { assertNamespace } from '../../access/mounts';
import { openVault } from '../../activities/clients';
import { orAborted } from '../../concurrency/abort';
import type { DestinationConfig } from '../../config/schema';
import { insightOfMetadata } from '../../rules/insight';
import type { Location } from '../../rules/paths';
import type { Kv2 } from '../../vault/kv2';
import type { AtOrigin } from './judge';
import type { KeptTokens } from './kept-tokens';

/** The Vaults of the origin, one client for each login: the files of several destinations often name the same one. */
export class OriginVaults {
  private readonly vaults = new Map<string, Kv2>();
  private readonly checked = new Map<Kv2, Promise<void>>();

  constructor(private readonly tokens: KeptTokens) {}

  of({ origin }: DestinationConfig): Kv2 {
    const key = keyOf(origin.vault);
    const known = this.vaults.get(key);
    if (known !== undefined) return known;
    const vault = openVault(origin.vault, undefined);
    this.vaults.set(key, vault);
    this.tokens.keep(vault.client, 'origin.vault', origin.renewToken);
    return vault;
  }

  /** Answers of one round of questions: the same Vault is asked once for all destinations. */
  round(): OriginRound {
    const asked = new Map<string, Promise<AtOrigin>>();
    return (config, place, signal) => {
      const key = keyOf(config.origin.vault);
      const answer = asked.get(key) ?? this.read(config, place, signal);
      asked.set(key, answer);
      return answer;
    };
  }

  async close(): Promise<void> {
    await Promise.all([...this.vaults.values()].map(({ client }) => client.close()));
  }

  /** Asks the Vault anew, also within a round. */
  async read(config: DestinationConfig, { mount, rel }: Location, signal: AbortSignal): Promise<AtOrigin> {
    const vault = this.of(config);
    await orAborted(this.checkOnce(vault, config), signal);
    const metadata = await vault.metadata(mount, rel, signal);
    if (metadata === undefined || metadata.current_version === 0) return { is: 'absent' };
    const insight = insightOfMetadata(metadata, Date.now());
    return insight === undefined
      ? { is: 'deleted', version: metadata.current_version }
      : { is: 'live', insight, metadata };
  }

  /** A Vault that ignores its namespace would answer about another secret. */
  private checkOnce(vault: Kv2, { origin }: DestinationConfig): Promise<void> {
    const check = this.checked.get(vault) ?? assertNamespace(vault, origin, 'origin');
    this.checked.set(vault, check);
    check.catch(() => this.checked.delete(vault));
    return check;
  }
}

/** Asks the origin's Vault of a destination about one secret. */
export type OriginRound = (
  config: DestinationConfig,
  place: Location,
  signal: AbortSignal,
) => Promise<AtOrigin>;

function keyOf(vault: DestinationConfig['origin']['vault']): string {
  return JSON.stringify(vault);
}
