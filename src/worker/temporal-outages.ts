import type { NativeConnection } from '@temporalio/worker';
import { setTimeout as sleep } from 'node:timers/promises';
import { ExplainedError } from '../errors';
import { TEMPORAL_CHECK_EVERY_MS, TEMPORAL_CHECK_TIMEOUT_MS } from '../limits';
import type { Logger } from '../log';
import { explainTemporal } from '../temporal/connect';
import type { TemporalTarget } from '../temporal/target';

interface Watched {
  /** Whether Temporal answers. */
  ask: () => Promise<unknown>;
  target: TemporalTarget;
  log: Logger;
}

/**
 * Logs one line when Temporal stops answering, and one when it is back. The SDK retries its polls for a long time without
 * a line, and then logs each of them again and again. Its timer does not keep a process alive. @returns ends it
 */
export function logTemporalOutages(
  { ask, target, log }: Watched,
  everyMs = TEMPORAL_CHECK_EVERY_MS,
): () => Promise<void> {
  const stopping = new AbortController();
  const { signal } = stopping;
  const temporal = { temporal: target.address };
  let sinceMs: number | undefined;
  const check = async (): Promise<void> => {
    try {
      await ask();
      if (sinceMs === undefined || signal.aborted) return;
      const lastedS = Math.ceil((Date.now() - sinceMs) / 1000);
      sinceMs = undefined;
      log.info({ ...temporal, lastedS }, `Temporal ${target.address}: is back after ${lastedS} s`);
    } catch (error) {
      if (sinceMs !== undefined || signal.aborted) return;
      sinceMs = Date.now();
      log.warn(
        temporal,
        `${wordsOf(target, error)}. No cycle starts or continues until it answers; the worker keeps trying`,
      );
    }
  };
  const run = async (): Promise<void> => {
    try {
      for (;;) {
        await sleep(everyMs, undefined, { ref: false, signal });
        await check();
      }
    } catch (error) {
      // Only the pause can be interrupted.
      if (!signal.aborted) throw error;
    }
  };
  const running = run();
  return async () => {
    stopping.abort();
    await running;
  };
}

/** Asks as the start of the worker did, so that it needs no permission that a worker may lack. */
export function askNamespace(connection: NativeConnection, { namespace }: TemporalTarget): Promise<unknown> {
  return connection.withDeadline(Date.now() + TEMPORAL_CHECK_TIMEOUT_MS, () =>
    connection.workflowService.describeNamespace({ namespace }),
  );
}

/** Of a foreign error only the name: its message may hold a secret. */
function wordsOf(target: TemporalTarget, error: unknown): string {
  const explained = explainTemporal(target, error);
  if (explained instanceof ExplainedError) return explained.message;
  return `Temporal ${target.address}: does not answer (${error instanceof Error ? error.name : typeof error})`;
}
