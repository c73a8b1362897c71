import { VaultError } from '../vault/errors';
import { OUTAGE_AFTER } from './limits';

/**
 * Tells one secret's bad luck from an outage. Without it, a Vault that goes away in the middle of a cycle would
 * be asked for every single secret, and each would be reported as failed.
 */
export class OutageDetector {
  private inARow = 0;

  succeeded(): void {
    this.inARow = 0;
  }

  /** @throws the error itself if it is one of too many in a row: the activity then ends, and is tried again later */
  failed(error: unknown): void {
    if (!(error instanceof VaultError) || !error.transient) return;
    this.inARow += 1;
    if (this.inARow >= OUTAGE_AFTER) throw error;
  }
}
