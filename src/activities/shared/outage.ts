import { VaultError } from '../../vault/errors';

/**
 * Tells one secret's bad luck from an outage, which ends the activity: it is tried again as a whole when the Vault may
 * be back. Without it, each secret would be reported as failed. Whether a Vault is down is known by its guard alone.
 *
 * @throws the error itself if the whole Vault is down, or lets nothing pass
 */
export function throwOutage(error: unknown): void {
  if (error instanceof VaultError && error.isOutage) throw error;
}
