import { SdkComponent } from '@temporalio/common';
import { DefaultLogger, makeTelemetryFilterString, Runtime } from '@temporalio/worker';
import { MAX_HEALTH_PAUSE_MS } from '../limits';
import type { Logger } from '../log';
import { describeOutage, onOutage } from '../vault/traffic';

export interface RuntimeOptions {
  log: Logger;
  /** Signals that end the worker; SIGINT and SIGTERM by default. */
  shutdownSignals?: NodeJS.Signals[];
}

/** Prepares this process and Temporal's runtime in it. To be called once, before any connection. */
export function installRuntime({ log, shutdownSignals }: RuntimeOptions): void {
  Runtime.install({
    logger: new DefaultLogger('INFO', ({ level, message, meta }) => {
      // Without the meta, which may hold an error of any library. Our interceptor logs failed activities.
      if (meta?.['sdkComponent'] === SdkComponent.workflow) log.info(message);
      else if (level === 'ERROR') log.error(`Temporal SDK: ${message}`);
      else log.debug(`Temporal SDK: ${message}`);
    }),
    // Otherwise the native part prints to the console; its warnings are part of normal operation.
    telemetryOptions: {
      logging: { filter: makeTelemetryFilterString({ core: 'ERROR', other: 'ERROR' }), forward: {} },
    },
    ...(shutdownSignals !== undefined && { shutdownSignals }),
  });
}

/** Logs when a Vault is found down, and when it is back. @returns ends it */
export function logOutages(log: Logger): () => void {
  return onOutage((address, outage) => {
    if (outage.untilMs === undefined) {
      log.warn(
        { vault: address },
        `${describeOutage(address, outage)}. Cycles wait for it; only its health is checked, at least every ` +
          `${MAX_HEALTH_PAUSE_MS / 1000} s`,
      );
      return;
    }
    const lastedS = Math.ceil((outage.untilMs - outage.sinceMs) / 1000);
    log.info({ vault: address, lastedS }, `Vault ${address}: is back after ${lastedS} s; cycles continue`);
  });
}
