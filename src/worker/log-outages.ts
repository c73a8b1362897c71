import type { Logger } from '../log';
import { describeOutage, onOutage } from '../vault/traffic';
import { MAX_HEALTH_PAUSE_MS } from '../limits';

/** Says once when a Vault is found down, and once when it is back. @returns ends it */
export function logOutages(log: Logger): () => void {
  return onOutage((address, outage) => {
    if (outage.untilMs === undefined) {
      log.warn(
        { vault: address },
        `${describeOutage(address, outage)}. Cycles wait for it; nothing but the question for its health is sent to ` +
          `it, at least every ${MAX_HEALTH_PAUSE_MS / 1000} s`,
      );
      return;
    }
    const lastedS = Math.ceil((outage.untilMs - outage.sinceMs) / 1000);
    log.info({ vault: address, lastedS }, `Vault ${address}: is back after ${lastedS} s; the work goes on`);
  });
}
