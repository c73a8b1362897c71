import { setTimeout as sleep } from 'node:timers/promises';
import { ConsulError } from '../consul/errors';
import { ExplainedError } from '../errors';
import { AWAY_RETRY_MS, STEP_LOG_EVERY_MS } from '../limits';
import type { Logger } from '../log';
import { ReasonLog } from '../reason-log';
import { VaultError } from '../vault/errors';

/** Whether a Vault or a Consul cannot be used now, although it may be used later as it is: sealed, or no answer. */
export function isAway(error: unknown): error is VaultError | ConsulError {
  if (error instanceof VaultError) return error.transient;
  return error instanceof ConsulError && error.kind === 'unavailable';
}

interface Wait {
  log: Logger;
  signal: AbortSignal;
  retryMs?: number | undefined;
}

/**
 * Tries again what a server could not do, until it succeeds. Logs each reason at most every ten minutes. An error that is
 * not about a server that is away is tried again too: it comes after an outage, and somebody may repair it.
 *
 * @param failure of the first try
 * @returns undefined if the signal ended it
 * @throws any error that has no explanation
 */
export async function untilBack<T>(
  failure: ExplainedError,
  work: () => Promise<T>,
  { log, signal, retryMs = AWAY_RETRY_MS }: Wait,
): Promise<T | undefined> {
  const reasons = new ReasonLog(log, undefined, STEP_LOG_EVERY_MS);
  for (let error: unknown = failure; ;) {
    if (!(error instanceof ExplainedError)) throw error;
    reasons.warn(error.message, `not started: ${error.message}. It is tried again every ${retryMs / 1000} s`);
    await sleep(retryMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return undefined;
    try {
      return await work();
    } catch (again) {
      error = again;
    }
  }
}
