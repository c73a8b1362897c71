import type { Client } from '@temporalio/client';
import type { PushBatch, PushResult } from '../../../contract/push';
import type { DestinationDeps } from '../base/deps';

/** Leaves every secret to the next cycle. */
export function pushSecrets(
  _deps: DestinationDeps,
  _client: Client,
  batch: PushBatch,
  _signal: AbortSignal,
): Promise<PushResult> {
  return Promise.resolve({ v: 1, there: 0, left: batch.secrets.length, why: 'unavailable' });
}
