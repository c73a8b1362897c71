import type { Logger } from '../../log';
import type { VaultClient } from '../../vault/client';
import { TokenKeeper } from '../../vault/token-keeper';

/** Keeps the tokens of opened Vaults alive in a service. A command ends before a token does. */
export class KeptTokens {
  private readonly keepers: TokenKeeper[] = [];

  /** @param log undefined for a command, which renews no token */
  constructor(private readonly log: Logger | undefined) {}

  /**
   * @param section of the configuration, for the log: "origin.vault"
   * @param isRenewed as the configuration has it (`renewToken`)
   */
  keep(client: VaultClient, section: string, isRenewed: boolean): void {
    if (this.log !== undefined && isRenewed)
      this.keepers.push(new TokenKeeper(client, { section, log: this.log }));
  }

  async close(): Promise<void> {
    await Promise.all(this.keepers.splice(0).map((keeper) => keeper.close()));
  }
}
