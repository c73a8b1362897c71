import { SdkComponent } from '@temporalio/common';
import { DefaultLogger, makeTelemetryFilterString, Runtime, type LogEntry } from '@temporalio/worker';
import { MAX_HEALTH_PAUSE_MS, STEP_LOG_EVERY_MS } from '../limits';
import type { Logger } from '../log';
import { ReasonLog } from '../reason-log';
import { describeOutage, onOutage } from '../vault/traffic';
import { noteWorkflowLine } from './cycle-ends';

export interface RuntimeOptions {
  log: Logger;
  /** Signals that end the worker; SIGINT and SIGTERM by default. */
  shutdownSignals?: NodeJS.Signals[];
}

/** Prepares this process and Temporal's runtime in it. To be called once, before any connection. */
export function installRuntime({ log, shutdownSignals }: RuntimeOptions): void {
  Runtime.install({
    logger: new DefaultLogger('INFO', sdkLog(log)),
    // Otherwise the native part prints to the console; its warnings are part of normal operation.
    telemetryOptions: {
      logging: { filter: makeTelemetryFilterString({ core: 'ERROR', other: 'ERROR' }), forward: {} },
    },
    ...(shutdownSignals !== undefined && { shutdownSignals }),
  });
}

/** Where the lines of the SDK go. */
export function sdkLog(log: Logger): (entry: Pick<LogEntry, 'level' | 'message' | 'meta'>) => void {
  const reasons = new ReasonLog(log, undefined, STEP_LOG_EVERY_MS);
  return ({ level, message, meta }) => {
    // Of the meta only our own part: the rest may hold an error of any library. StepLog logs failed activities.
    if (meta?.['sdkComponent'] === SdkComponent.workflow) {
      log[LEVELS[level]](fieldsOf(meta['vsync']), message);
      noteWorkflowLine(meta['workflowType'], meta['vsync']);
    }
    // Each poll of each worker logs it many times a minute; logTemporalOutages has one line for all.
    else if (level !== 'ERROR' || RETRIED.test(message)) log.debug(`Temporal SDK: ${message}`);
    else reasons.error(message.replace(/\d+/g, ''), `Temporal SDK: ${message}`);
  };
}

const RETRIED = /^gRPC call \w+ retried \d+ times/;

const LEVELS = { TRACE: 'debug', DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' } as const;

function fieldsOf(own: unknown): object {
  return typeof own === 'object' && own !== null ? own : {};
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
